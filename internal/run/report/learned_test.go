package report

import (
	"bytes"
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"paspo/envs"
	"paspo/envs/compute"
)

// tableOf returns a table of policies that earn the given returns in four episodes. The episodes differ
// by the same amounts for all, and by less than noise of their own.
func tableOf(noise float64, returns map[string]float64) *Table {
	t := &Table{Title: "test, 4 episodes", Episodes: 4}
	names := []string{Trained, Trained + SampledSuffix, Initial, uniform, "greedy", bestFound}
	for i, name := range names {
		m, ok := returns[name]
		if !ok {
			continue
		}
		r := Row{Policy: name, Return: Number(m)}
		for k, x := range []float64{-2, 1, 4, -3} {
			r.episodes = append(r.episodes, m+x+noise*[]float64{1, -1, -1, 1}[(i+k)%4])
		}
		t.Rows = append(t.Rows, r)
	}
	t.share(bestFound, 1)
	return t
}

func TestNotLearned(t *testing.T) {
	for _, c := range []struct {
		name    string
		noise   float64
		returns map[string]float64
		want    []Finding
	}{
		{"learned", 0.1, map[string]float64{Trained: 9, Trained + SampledSuffix: 8.9, Initial: 1, uniform: 1, bestFound: 10}, nil},
		{"not moved", 0.1, map[string]float64{Trained: 1.01, Trained + SampledSuffix: 0.9, Initial: 1, uniform: 1, bestFound: 10}, []Finding{NoGain}},
		{"not moved, nothing known", 0.1, map[string]float64{Trained: 1.05, Trained + SampledSuffix: 1, Initial: 1, uniform: 0.95}, []Finding{NoGain}},
		{"not moved without noise", 0, map[string]float64{Trained: 1.0001, Initial: 1, uniform: 1.0002, bestFound: 10}, []Finding{NoGain}},
		{"fell", 0.1, map[string]float64{Trained: 3, Trained + SampledSuffix: 2.5, Initial: 5, uniform: 1, bestFound: 10}, []Finding{BelowStart}},
		{"fell far", 0.1, map[string]float64{Trained: 0, Trained + SampledSuffix: -0.5, Initial: 5, uniform: 1, bestFound: 10}, []Finding{BelowStart, BelowUniform}},
		// A warm start that has nothing left to gain, on a problem without noise.
		{"began at the best", 0, map[string]float64{Trained: 9.99, Initial: 9.995, uniform: 1, bestFound: 10}, nil},
		{"began at a good one", 0.1, map[string]float64{Trained: 8.02, Initial: 8, uniform: 1, "greedy": 8}, nil},
		{"greedy is better", 0.1, map[string]float64{Trained: 4, Trained + SampledSuffix: 3.5, Initial: 1, uniform: 1, "greedy": 8}, []Finding{BelowReference}},
		{"greedy is little better", 0.1, map[string]float64{Trained: 7.6, Trained + SampledSuffix: 7, Initial: 1, uniform: 1, "greedy": 8}, nil},
		{"samples are better", 0.1, map[string]float64{Trained: 7, Trained + SampledSuffix: 8, Initial: 1, uniform: 1, bestFound: 10}, []Finding{SampledBetter}},
		{"collapsed", 0, map[string]float64{Trained: 4, Trained + SampledSuffix: 4, Initial: 1, uniform: 1, bestFound: 10}, []Finding{Collapsed}},
		{"collapsed below a reference", 0, map[string]float64{Trained: 4, Trained + SampledSuffix: 4, Initial: 1, uniform: 1, "greedy": 8}, []Finding{BelowReference, Collapsed}},
		{"narrow at the best", 0, map[string]float64{Trained: 9.9, Trained + SampledSuffix: 9.9, Initial: 1, uniform: 1, bestFound: 10}, nil},
		{"nothing to choose", 0, map[string]float64{Trained: 1, Trained + SampledSuffix: 1, Initial: 1, uniform: 1}, nil},
	} {
		var got []Finding
		for _, w := range tableOf(c.noise, c.returns).NotLearned() {
			got = append(got, w.Finding)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// Policies that play a real environment, and the sentences of a summary.
func TestWarnings(t *testing.T) {
	p := problem(t, "compute", 0)
	q, ok := p.(*compute.Problem)
	if !ok {
		t.Fatalf("%T", p)
	}
	greedy, err := q.GreedyBySpeed()
	if err != nil {
		t.Fatal(err)
	}
	good, bad := envs.Constant(greedy), equal(t, p).Allocator
	for _, c := range []struct {
		trained, initial envs.Allocator
		want             []string
	}{
		{good, bad, nil},
		{bad, bad, []string{"the run did not learn: the trained policy earns", "less than the reference policy"}},
		{bad, good, []string{"the run did not learn: the trained policy earns", "less than the reference policy"}},
	} {
		tables, err := Compare(context.Background(), p, []Policy{{Trained, c.trained}, {Initial, c.initial}}, Options{Episodes: 30, Seed: 1, MaxSteps: 1000})
		if err != nil {
			t.Fatal(err)
		}
		// Shares count to the best constant split.
		trained, _ := tables[0].Row(Trained)
		best, _ := tables[0].Row("best constant")
		drawn, _ := tables[0].Row(uniform)
		want := float64((trained.Return - drawn.Return) / (best.Return - drawn.Return))
		if trained.Share == nil || math.Abs(float64(trained.Share.Share)-want) > 1e-12 || tables[0].To != best.Policy {
			t.Errorf("share %+v of %q, want %g", trained.Share, tables[0].To, want)
		}
		s := Summary{Tables: tables}
		s.Complete(func([]Warning) string { return "try something else" })
		var b bytes.Buffer
		if err := s.Write(&b); err != nil {
			t.Fatal(err)
		}
		if len(c.want) > 0 {
			c.want = append(c.want, "try something else")
		}
		if len(s.Warnings) != len(c.want) {
			t.Errorf("warnings %q", s.Warnings)
		}
		for _, text := range c.want {
			if !strings.Contains(b.String(), text) {
				t.Errorf("no %q in\n%s", text, b.String())
			}
		}
	}
}
