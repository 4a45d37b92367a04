package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"paspo/cmd/experiments/internal/convergence"
	"paspo/cmd/experiments/internal/measure"
	"paspo/cmd/experiments/internal/output"
	"paspo/envs/benchmarks"
	"paspo/internal/plots"
	"paspo/internal/run/agent"
	"paspo/internal/run/report"
	"paspo/rl"
)

// redraw writes tables and plots again from the files of an experiment that is
// over.
func redraw(ctx context.Context, folder string, log io.Writer, name string) error {
	out := &output.Folder{Dir: filepath.Join(folder, name), Log: log}
	if again := measure.Redraw[name]; again != nil {
		return again(out)
	}
	switch name {
	case "learning":
		return redrawLearning(ctx, out)
	case "comparison":
		if err := showComparison(ctx, out); err != nil {
			return err
		}
		table, err := os.ReadFile(filepath.Join(out.Dir, "summary.md"))
		if err != nil {
			return err
		}
		return output.Splice(filepath.Join(folder, "..", "..", "README.md"), "<!-- comparison: go run ./cmd/experiments redraw comparison -->\n", "<!-- end of comparison -->", string(table))
	case "convergence":
		var res convergence.Results
		if err := out.Read(name, &res); err != nil {
			return err
		}
		return res.Show(out)
	}
	return fmt.Errorf("%q cannot be drawn again: %s can", name, strings.Join(redrawable, ", "))
}

var redrawable = []string{"learning", "scaling", "differential", "entropy", "convergence", "comparison"}

// redrawLearning draws every environment that the folder has runs of: the experiment may have
// been told to train on some alone.
func redrawLearning(ctx context.Context, out *output.Folder) error {
	drawn := 0
	for _, env := range benchmarks.AllNames() {
		runs, err := readRuns(filepath.Join(out.Dir, env+".csv"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := drawLearning(ctx, out, env, runs); err != nil {
			return err
		}
		drawn++
	}
	if drawn == 0 {
		return fmt.Errorf("%s has the runs of no environment: ENVIRONMENT.csv, which learning writes, is needed", out.Dir)
	}
	return nil
}

// drawLearning shows the first settings, and what returns can be held against over the episodes
// of the curves.
func drawLearning(ctx context.Context, out *output.Folder, env string, runs [][]*run) error {
	plot := plots.Learning{Title: env, YLabel: "return of the deterministic action"}
	for _, seeds := range runs[:min(plottedSettings, len(runs))] {
		plot.Curves = append(plot.Curves, curve(seeds[0].Setting, seeds, deterministic, "curve"))
	}
	all, err := levels(ctx, autoSettings, env, rl.CurveSet, rl.DefaultConfig().EvalEpisodes)
	if err != nil {
		return err
	}
	for _, l := range all {
		plot.Levels = append(plot.Levels, plots.Level{Name: l.Policy, Y: float64(l.Return)})
	}
	return out.Plot(env, plot)
}

// levels returns the mean returns of the best policy that is known and of uniform allocations, over
// episodes of a set.
func levels(ctx context.Context, settings, env, set string, episodes int) ([]report.Level, error) {
	s, err := settingOf(settings, settings, env)
	if err != nil {
		return nil, err
	}
	a, err := agent.New(s.Config)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	return a.Levels(ctx, set, episodes)
}

// writeRuns writes the learning curves of all runs, one row an evaluation.
func writeRuns(out *output.Folder, name string, runs [][]*run) error {
	rows := [][]string{{"setting", "seed", "step", "return_mode", "return_sampled"}}
	for _, r := range slices.Concat(runs...) {
		for _, p := range r.Curve {
			rows = append(rows, []string{r.Setting, fmt.Sprint(r.Seed), fmt.Sprint(p.Step), fmt.Sprintf("%.6g", p.Mode), fmt.Sprintf("%.6g", p.Sampled)})
		}
	}
	return out.CSV(name, rows)
}

// readRuns reads what writeRuns has written, by setting and seed.
func readRuns(file string) ([][]*run, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var all [][]*run
	var last *run
	for i, rec := range records[min(1, len(records)):] {
		var seed uint64
		var p point
		if _, err := fmt.Sscan(strings.Join(rec[1:], " "), &seed, &p.Step, &p.Mode, &p.Sampled); err != nil {
			return nil, fmt.Errorf("%s: row %d: %w", file, i+2, err)
		}
		switch {
		case last == nil || last.Setting != rec[0]:
			last = &run{Setting: rec[0], Seed: seed}
			all = append(all, []*run{last})
		case last.Seed != seed:
			last = &run{Setting: rec[0], Seed: seed}
			all[len(all)-1] = append(all[len(all)-1], last)
		}
		last.Curve = append(last.Curve, p)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has no runs", file)
	}
	return all, nil
}
