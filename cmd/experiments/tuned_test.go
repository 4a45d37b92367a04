package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"

	"paspo/baselines"
	"paspo/cmd/experiments/internal/output"
	"paspo/envs/benchmarks"
	"paspo/internal/long"
	"paspo/internal/run/runfolder"
)

// Every algorithm has a space that can be searched on every benchmark, and as many trials.
func TestTuningSweeps(t *testing.T) {
	o := tunedOptions{options: options{seeds: seedsOf("1..2"), steps: 150_000, dir: t.TempDir()}, trials: 32, report: seedsOf(reportSeeds)}
	for _, env := range benchmarks.Names() {
		for _, algo := range baselines.Names() {
			w, err := tuningSweep(t.Context(), o, env, algo)
			if err != nil {
				t.Errorf("%s, %s: %v", env, algo, err)
				continue
			}
			first := w.Spec.Method().Suggest(nil)
			c, err := w.Config(first, 1)
			if err != nil || c.Algo.Name != algo || c.Env.Name != env || w.Spec.Search.Trials != 32 {
				t.Errorf("%s, %s: %+v, %v", env, algo, c, err)
			}
		}
	}
	for algo := range ownSpace {
		if !strings.Contains(strings.Join(baselines.Names(), " "), algo) {
			t.Errorf("%s is no algorithm", algo)
		}
	}
}

// A search is reported on other seeds than it saw, and goes on where it was: the second time
// nothing is trained.
func TestTuned(t *testing.T) {
	long.Test(t)
	keep := t.TempDir()
	var before string
	for range 2 {
		dir := t.TempDir()
		c := command()
		c.SetArgs([]string{"tuned", "synthetic", "--algos", "paspo,ppo", "--trials", "2", "--seeds", "1", "--report", "5..6", "--steps", "512", "--jobs", "1", "--keep", keep, "--out", dir})
		c.SetOut(io.Discard)
		c.SetErr(io.Discard)
		if err := c.ExecuteContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		var res tunedResults
		if err := (&output.Folder{Dir: filepath.Join(dir, "tuned")}).Read("synthetic", &res); err != nil {
			t.Fatal(err)
		}
		if len(res.Algorithms) != 2 || res.Report != "5..6" || len(res.Algorithms[0].Returns) != 2 || res.Algorithms[0].Violations != 0 || res.Algorithms[1].Violations == 0 {
			t.Errorf("%+v", res)
		}
		runs, err := filepath.Glob(filepath.Join(keep, "*", "*", "*", runfolder.MetricsFile))
		if err != nil || len(runs) < 4 {
			t.Fatal(runs, err)
		}
		at := modified(t, runs)
		if before != "" && at != before {
			t.Error("trained again")
		}
		before = at
	}
}
