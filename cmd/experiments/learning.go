package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"regexp"
	"slices"

	"gonum.org/v1/gonum/floats"

	"paspo/cmd/experiments/internal/output"
	"paspo/envs"
	"paspo/envs/benchmarks"
	"paspo/envs/synthetic"
	"paspo/internal/plots"
	"paspo/internal/rng"
	"paspo/internal/run/agent"
	"paspo/internal/stats"
	"paspo/policy"
)

// finalEpisodes is the number of episodes that last policies are compared on.
const finalEpisodes = 1000

// learningOptions say what the experiment compares.
type learningOptions struct {
	options
	envs             []string
	changes, further []string
	base, only       string
	ablate           bool
}

// run writes tables and plots, or tries changes.
func (o *learningOptions) run(ctx context.Context, out *output.Folder) error {
	pattern, err := regexp.Compile(o.only)
	if err != nil {
		return fmt.Errorf("--settings %q: %w", o.only, err)
	}
	trying := o.base != "" || len(o.changes) > 0
	if trying && o.ablate {
		return errors.New("--ablate changes the paper's settings: it cannot be given with --set or --config")
	}
	if trying && !o.given {
		o.seeds = seedsOf(tuningSeeds)
	}
	for _, env := range o.envs {
		var settings []setting
		if trying {
			base := cmp.Or(o.base, tunedSettings)
			settings, err = changed(base, env, o.changes, append([]string{""}, o.further...))
			for i, s := range settings {
				if s.name != base {
					settings[i].name = base + " " + s.name
				}
			}
		} else if o.ablate {
			settings, err = changed(paperSettings, env, nil, slices.Concat([]string{""}, o.further, ablations))
		} else {
			settings, err = settingsOf(env, o.further)
		}
		if err != nil {
			return err
		}
		settings = slices.DeleteFunc(settings, func(s setting) bool { return !pattern.MatchString(s.name) })
		if len(settings) == 0 {
			return fmt.Errorf("--settings %q names no setting of %s", o.only, env)
		}
		switch {
		case trying:
			err = try(ctx, out, o.options, env, settings)
		case o.ablate:
			err = ablation(ctx, out, o.options, env, settings)
		default:
			err = learning(ctx, out, o.options, env, settings)
		}
		if err != nil {
			return err
		}
	}
	if o.ablate && !trying {
		return tabulateAblation(out)
	}
	return nil
}

// ablation trains one benchmark with the paper's settings and with single changes to them.
func ablation(ctx context.Context, out *output.Folder, o options, env string, settings []setting) error {
	res, _, err := compared(ctx, out, o, env, settings)
	if err != nil {
		return err
	}
	return out.JSON("ablation-"+env, res)
}

// tabulateAblation writes one table of what single changes do on every benchmark that has been trained.
func tabulateAblation(out *output.Folder) error {
	head := []string{"change"}
	var names []string
	cells := map[string][]string{} // by change
	for _, env := range benchmarks.Names() {
		var res results
		if err := out.Read("ablation-"+env, &res); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return err
		}
		head = append(head, env+", seeds "+res.Seeds, "more than the preset (95 %)")
		for _, w := range res.Rows {
			if !w.Trained {
				continue
			}
			if !slices.Contains(names, w.Name) {
				names = append(names, w.Name)
			}
			for len(cells[w.Name]) < len(head)-3 { // of benchmarks that were trained without it
				cells[w.Name] = append(cells[w.Name], "")
			}
			more := ""
			if w.More != nil {
				more = points(w.More)
			}
			cells[w.Name] = append(cells[w.Name], fmt.Sprintf("%s (%s)", output.Percent(w.Share.Estimate), output.Percent(w.Worst)), more)
		}
	}
	table := [][]string{head}
	for _, name := range names {
		row := append([]string{name}, cells[name]...)
		for len(row) < len(head) {
			row = append(row, "")
		}
		table = append(table, row)
	}
	return out.Table("ablation", table)
}

// learning trains one benchmark with the presets and with changes to
// the paper's, each over the same seeds, and writes what came.
func learning(ctx context.Context, out *output.Folder, o options, env string, settings []setting) error {
	res, runs, err := compared(ctx, out, o, env, settings)
	if err != nil {
		return err
	}
	if err := writeRuns(out, env, runs); err != nil {
		return err
	}
	if err := drawLearning(ctx, out, env, runs); err != nil {
		return err
	}
	if err := out.JSON(env, res); err != nil {
		return err
	}
	return out.Table(env, res.table())
}

// try trains one benchmark with some settings and writes a line for each.
func try(ctx context.Context, out *output.Folder, o options, env string, settings []setting) error {
	for i := range settings {
		settings[i].PPO.EvalEvery = math.MaxInt32 // at the end alone: nobody looks at the curve
	}
	res, _, err := compared(ctx, out, o, env, settings)
	if err != nil {
		return err
	}
	for _, r := range res.Rows {
		if r.Trained {
			if _, err := fmt.Fprintf(out.Answer, "%s, %d steps, seeds %s, %s: %s\n", env, res.Steps, res.Seeds, r.Name, r.line()); err != nil {
				return err
			}
		}
	}
	return nil
}

// compared trains one benchmark with some settings and compares the last policies
// with references.
func compared(ctx context.Context, out *output.Folder, o options, env string, settings []setting) (*results, [][]*run, error) {
	runs, err := trainAll(ctx, out, o, settings, finalEpisodes, func(r *run) {
		out.Progress("%-12s %-24s seed %d: %-4v %8.4f  sampled %8.4f  %.0f s", env, r.Setting, r.Seed, r.Rule, r.Final, r.Sampled, r.Seconds)
	})
	if err != nil {
		return nil, nil, err
	}
	a, err := agent.New(settings[0].Config)
	if err != nil {
		return nil, nil, err
	}
	defer a.Close()
	refs, err := references(a.Problem, finalEpisodes)
	if err != nil {
		return nil, nil, err
	}
	res := &results{Env: env, Steps: cmp.Or(o.steps, settings[0].Steps), Seeds: o.seeds.String()}
	for _, b := range refs {
		res.Rows = append(res.Rows, row{Name: b.name, Mode: stats.Interval{Estimate: b.mean}, Share: stats.Interval{Estimate: share(refs, b.mean)}})
	}
	var first []float64 // shares of the first setting
	for i, s := range settings {
		t := over(runs[i])
		w := row{Name: s.name, Trained: true, Returns: t.final, Violations: t.violations, Residual: t.residual, Seconds: t.seconds, Sampled: stats.Mean(t.sampled)}
		var shares []float64
		for _, r := range runs[i] {
			shares = append(shares, share(refs, r.Final))
			if r.Rule == policy.Mean {
				w.Meant++
			}
		}
		stream := rng.New(1, "experiments", env, s.name)
		w.Mode, w.Worst = stats.MeanInterval(t.final, 0.95, stream), slices.Min(shares)
		w.Share = stats.MeanInterval(shares, 0.95, stream.Split(1))
		if i == 0 {
			first = slices.Clone(shares)
		} else {
			floats.Sub(shares, first)
			more := stats.MeanInterval(shares, 0.95, stream.Split(2))
			w.More = &more
		}
		res.Rows = append(res.Rows, w)
	}
	return res, runs, nil
}

// plottedSettings is how many settings a plot shows: the presets, which come first.
// More are not told apart.
const plottedSettings = 3

// reference is what a reference policy earns.
type reference struct {
	name   string
	mean   float64
	played *envs.Outcome // nil of what search has found
}

// references plays the reference policies of a problem on the final episodes. The first of them is uniform.
func references(p envs.Problem, episodes int) (refs []reference, err error) {
	var all []envs.Reference
	found, ok := p.(*synthetic.Problem)
	if ok {
		all = []envs.Reference{{Name: "uniform"}}
		all[0].Allocator, err = envs.Uniform(p.Spec().Polytope, finalSeed)
		episodes *= 20 // of few steps
	} else if q, ok := p.(interface {
		References(uint64) ([]envs.Reference, error)
	}); ok {
		all, err = q.References(finalSeed)
	} else {
		err = fmt.Errorf("no references for %s", p.Spec().Name)
	}
	if err != nil {
		return nil, err
	}
	for _, b := range all {
		x, o, err := play(p, b.Allocator, episodes, finalSeed)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", b.Name, err)
		}
		refs = append(refs, reference{b.Name, x, o})
	}
	if ok {
		best, err := found.Optimum(finalSeed)
		if err != nil {
			return nil, err
		}
		refs = append(refs, reference{name: "best found by search", mean: best.Return})
	}
	return refs, nil
}

// best returns the best of references.
func best(refs []reference) reference {
	return slices.MaxFunc(refs, func(a, b reference) int { return cmp.Compare(a.mean, b.mean) })
}

// share returns the share of the way from uniform to the best reference.
func share(refs []reference, x float64) float64 {
	from := refs[0].mean
	return (x - from) / (best(refs).mean - from)
}

func deterministic(p point) float64 { return p.Mode }
func sampled(p point) float64       { return p.Sampled }

// curve is the mean over seeds with a band of the half width of its interval.
func curve(name string, runs []*run, of func(point) float64, stream string) plots.Curve {
	c := plots.Curve{Name: name}
	for k, p := range runs[0].Curve {
		var xs []float64
		for _, r := range runs {
			xs = append(xs, of(r.Curve[k]))
		}
		iv := stats.MeanInterval(xs, 0.95, rng.New(1, "experiments", stream))
		c.X, c.Y, c.Err = append(c.X, float64(p.Step)), append(c.Y, iv.Estimate), append(c.Err, (iv.High-iv.Low)/2)
	}
	return c
}
