package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"paspo/envs/benchmarks"
	"paspo/internal/plots"
	"paspo/internal/run/agent"
	"paspo/internal/run/report"
	"paspo/rl"
)

// redraw writes tables and plots again from the files of an experiment that is
// over.
func redraw(ctx context.Context, folder string, log io.Writer, name string) error {
	out := &output{dir: filepath.Join(folder, name), log: log}
	switch name {
	case "learning":
		for _, env := range benchmarks.Names() {
			if err := redrawLearning(ctx, out, env); err != nil {
				return err
			}
		}
		return nil
	case "scaling":
		var cells []*cell
		if err := out.read(name, &cells); err != nil {
			return err
		}
		return showScaling(out, cells)
	case "differential":
		var all []*found
		if err := out.read(name, &all); err != nil {
			return err
		}
		return showDifferential(out, all)
	case "entropy":
		var cells []*entropyCell
		if err := out.read(name, &cells); err != nil {
			return err
		}
		return showEntropy(out, cells)
	case "comparison":
		if err := showComparison(ctx, out); err != nil {
			return err
		}
		table, err := os.ReadFile(filepath.Join(out.dir, "summary.md"))
		if err != nil {
			return err
		}
		return splice(filepath.Join(folder, "..", "..", "README.md"), "<!-- comparison: go run ./cmd/experiments redraw comparison -->\n", "<!-- end of comparison -->", string(table))
	case "convergence":
		var res convergenceResults
		if err := out.read(name, &res); err != nil {
			return err
		}
		return showConvergence(out, &res)
	}
	return fmt.Errorf("%q cannot be drawn again: %s can", name, strings.Join(redrawable, ", "))
}

var redrawable = []string{"learning", "scaling", "differential", "entropy", "convergence", "comparison"}

// read reads what output.json has written.
func (o *output) read(name string, v any) error {
	data, err := os.ReadFile(filepath.Join(o.dir, name+".json"))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s.json: %w", name, err)
	}
	return nil
}

func redrawLearning(ctx context.Context, out *output, env string) error {
	runs, err := readRuns(filepath.Join(out.dir, env+".csv"))
	if err != nil {
		return err
	}
	return drawLearning(ctx, out, env, runs)
}

// drawLearning shows the first settings, and what returns can be held against over the episodes
// of the curves.
func drawLearning(ctx context.Context, out *output, env string, runs [][]*run) error {
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
	return out.plot(env, plot)
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

// readRuns reads what output.runs has written, by setting and seed.
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
		var p point
		if len(rec) != 5 {
			return nil, fmt.Errorf("%s: row %d has %d cells, not 5", file, i+2, len(rec))
		}
		seed, e1 := strconv.ParseUint(rec[1], 10, 64)
		step, e2 := strconv.ParseInt(rec[2], 10, 64)
		mode, e3 := strconv.ParseFloat(rec[3], 64)
		sampled, e4 := strconv.ParseFloat(rec[4], 64)
		for _, err := range []error{e1, e2, e3, e4} {
			if err != nil {
				return nil, fmt.Errorf("%s: row %d: %w", file, i+2, err)
			}
		}
		p = point{step, mode, sampled}
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
