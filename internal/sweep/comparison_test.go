package sweep

import (
	"context"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"paspo/internal/sweep/journal"
	"paspo/internal/sweep/search"
	"paspo/internal/sweep/spec"
)

// Means over the seeds that are done, with intervals of two or more, by environment and the
// best first.
func TestComparison(t *testing.T) {
	s, err := spec.Parse("comparison", []byte(`base: {preset: paper, steps: 1024}
seeds: 1..3
search: {method: grid}
space:
  env.name: {choices: [synthetic, portfolio]}
  algo.name: {choices: [paspo, ppo]}
`))
	if err != nil {
		t.Fatal(err)
	}
	w := &Sweep{Spec: s}
	x := 0.25
	record := func(violations int) *Record {
		return &Record{State: stateDone, Result: Result{Violations: violations, Residual: &x}, Seconds: 2}
	}
	nan := math.NaN()
	status := &Status{Settings: []Setting{
		{Number: 0, Point: search.Point{1, 0}, State: journal.Complete, Returns: []float64{1, 2, 3}, Records: []*Record{record(0), record(0), record(0)}},
		{Number: 1, Point: search.Point{1, 1}, State: journal.Running, Returns: []float64{4, nan, nan}, Records: []*Record{record(7), nil, nil}},
		{Number: 2, Point: search.Point{0, 1}, State: journal.Running, Returns: []float64{nan, nan, nan}, Records: make([]*Record, 3)},
	}}
	all, err := w.Comparison(status)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 3 || all[0].Env != "synthetic" || all[1].Algo != "ppo" || all[2].Algo != "paspo" {
		t.Fatalf("rows %+v", all)
	}
	if r := all[2].Return; r.Estimate != 2 || !(r.Low >= 1 && r.Low < 2 && r.High > 2 && r.High <= 3) || all[2].Violations != 0 || all[2].Seconds != 2 {
		t.Errorf("three seeds give %+v", all[2])
	}
	if r := all[1].Return; r.Estimate != 4 || !math.IsNaN(r.Low) || all[1].Violations != 7 || all[1].Residual != 0.25 || all[1].Seeds != 1 {
		t.Errorf("one seed gives %+v", all[1])
	}
	var b strings.Builder
	if err := w.WriteComparison(&b, status); err != nil || strings.Count(b.String(), "\n") != 5 || !strings.Contains(b.String(), "\nIntervals of fewer than 5 seeds are too narrow: those of 3 seeds") || strings.Contains(b.String(), "NaN") || strings.Contains(b.String(), "Inf") {
		t.Errorf("table %q, %v", b.String(), err)
	}
	both := s.Space
	s.Space = both[1:]
	if all, err := w.Comparison(&Status{Settings: []Setting{{Point: search.Point{0}}}}); err != nil || len(all) != 1 || all[0].Env != "portfolio" || all[0].Algo != "paspo" {
		t.Errorf("the environment of the base: %+v, %v", all, err)
	}
	s.Space = both[:1]
	if _, err := w.Comparison(&Status{}); err == nil || !strings.Contains(err.Error(), "no algo.name") {
		t.Errorf("without algorithms: %v", err)
	}
}

// A comparison takes seeds in turn: what has ended when it stops are the same seeds of all algorithms.
func TestComparisonTakesSeedsInTurn(t *testing.T) {
	w := create(t, 8, `seeds: [3, 1, 2]
search: {method: grid}
space:
  algo.name: {choices: [paspo, ppo]}
  ppo.epochs: {choices: [1, 2]}
`)
	others := &watch{dir: filepath.Join(w.Dir, workersDir)}
	alive, err := w.newPulse()
	if err != nil {
		t.Fatal(err)
	}
	defer alive.close()
	for _, seed := range []uint64{3, 1, 2} {
		for setting := range 4 {
			c, _, err := w.claim(context.Background(), others)
			if err != nil || c == nil {
				t.Fatal(err)
			}
			if c.seed != seed || c.setting != setting {
				t.Fatalf("seed %d of setting %d is taken, want seed %d of setting %d", c.seed, c.setting, seed, setting)
			}
		}
	}
}

// Returns on several problems are not held against one another.
func TestSeveralProblems(t *testing.T) {
	w := create(t, 8, `seeds: [1]
search: {method: grid}
space:
  ppo.epochs: {choices: [1, 2]}
  env.synthetic.seed: {choices: [1, 2]}
`)
	w.Spec.Report.Settings = 1
	if err := w.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := w.Status()
	if err != nil || s.Best != -1 || s.Done != 6 || !s.Ended() || s.Err() != nil {
		t.Fatalf("%+v, %v", s, err)
	}
	all := s.Order()
	for i, x := range all {
		if x.Problem != []string{"1", "1", "2", "2"}[i] || i%2 == 1 && x.Value > all[i-1].Value {
			t.Errorf("in place %d is %+v", i, x)
		}
	}
	if again := s.Report; len(again) != 2 || again[0].Number == again[1].Number || all[0].Number != again[0].Number && all[0].Number != again[1].Number || again[0].Problem == again[1].Problem {
		t.Errorf("trained again: %+v", again)
	}
	var line string
	w.Progress(func(text string) { line = text })(s)
	if strings.Contains(line, "best") {
		t.Errorf("progress %q", line)
	}
	if err := w.Best(io.Discard); err == nil || !strings.Contains(err.Error(), "on several problems") {
		t.Errorf("best: %v", err)
	}
}

// With projected_return an algorithm that breaks constraints gets what its policy earns by the closest
// allocations, and its violations count as before. Nothing changes for one that breaks none.
func TestProjectedReturn(t *testing.T) {
	results := func(algo, metric string) *Result {
		text := strings.Replace(fmt.Sprintf(tinyBase, 16), "objective: {", "objective: {metric: "+metric+", ", 1)
		text += fmt.Sprintf("seeds: [1]\nsearch: {method: grid}\nspace: {algo.name: {choices: [%s]}, env.synthetic.rows: {choices: [5]}, env.synthetic.seed: {choices: [3]}}\n", algo)
		w, err := Create(t.Context(), read(t, text), filepath.Join(t.TempDir(), "sweep"), nil)
		if err != nil {
			t.Fatal(err)
		}
		workers(t, w.Dir, 1)
		st, err := w.Status()
		if err != nil || st.Done != 1 {
			t.Fatal(st, err)
		}
		return &st.Settings[0].Records[0].Result
	}
	for _, algo := range []string{"paspo", "ppo"} {
		plain := results(algo, "return")
		projected := results(algo, "projected_return")
		if algo == "paspo" {
			if *plain.Return != *projected.Return || projected.Violations != 0 {
				t.Errorf("paspo: %v and %v, %d violations", *plain.Return, *projected.Return, projected.Violations)
			}
			continue
		}
		if math.Abs(*projected.Return-*plain.Return) < 1e-3 {
			t.Errorf("%v projected, %v as it is", *projected.Return, *plain.Return)
		}
		if projected.Violations != plain.Violations || plain.Violations == 0 {
			t.Errorf("%d violations where actions are projected, %d as they are", projected.Violations, plain.Violations)
		}
	}
}
