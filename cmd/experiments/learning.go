package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"

	"paspo/envs"
	"paspo/envs/synthetic"
	"paspo/internal/plots"
	"paspo/internal/rng"
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
func (o *learningOptions) run(ctx context.Context, out *output) error {
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
		} else {
			settings, err = settingsOf(env, o.ablate, o.further)
		}
		if err != nil {
			return err
		}
		settings = slices.DeleteFunc(settings, func(s setting) bool { return !pattern.MatchString(s.name) })
		if len(settings) == 0 {
			return fmt.Errorf("--settings %q names no setting of %s", o.only, env)
		}
		if trying {
			err = try(ctx, out, o.options, env, settings)
		} else {
			err = made(out, func() error { return learning(ctx, out, o.options, env, settings) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// learning trains one benchmark with the presets and with changes to
// the paper's, each over the same seeds, and writes what came.
func learning(ctx context.Context, out *output, o options, env string, settings []setting) error {
	res, runs, err := compared(ctx, out, o, env, settings)
	if err != nil {
		return err
	}
	if err := out.runs(env, runs); err != nil {
		return err
	}
	if err := drawLearning(out, env, res, runs); err != nil {
		return err
	}
	if err := out.json(env, res); err != nil {
		return err
	}
	return out.table(env, res.table())
}

// try trains one benchmark with some settings and writes a line for each.
func try(ctx context.Context, out *output, o options, env string, settings []setting) error {
	for i := range settings {
		settings[i].PPO.EvalEvery = 0 // nobody looks at the curve
	}
	res, _, err := compared(ctx, out, o, env, settings)
	if err != nil {
		return err
	}
	for _, r := range res.Rows {
		if r.Trained {
			if _, err := fmt.Fprintf(out.answer, "%s, %d steps, seeds %s, %s: %s\n", env, res.Steps, res.Seeds, r.Name, r.line()); err != nil {
				return err
			}
		}
	}
	return nil
}

// compared trains one benchmark with some settings and compares the last policies
// with references.
func compared(ctx context.Context, out *output, o options, env string, settings []setting) (*results, [][]*run, error) {
	tasks := make([]*task, len(settings))
	if o.steps == 0 {
		o.steps = settings[0].Steps
	}
	for i, s := range settings {
		var err error
		if tasks[i], err = taskOf(s.Config, finalEpisodes); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	runs, err := trainAll(ctx, o, tasks, settings, func(r *run) {
		out.progress("%-12s %-24s seed %d: %-4v %8.4f  sampled %8.4f  entropy %8.2f  %.0f s",
			env, r.Setting, r.Seed, r.Rule, r.Final, r.Sampled, r.Entropy, r.Seconds)
	})
	if err != nil {
		return nil, nil, err
	}
	baselines, top, bottom, err := tasks[0].references(finalEpisodes, finalSeed)
	if err != nil {
		return nil, nil, err
	}

	res := &results{Env: env, Steps: o.steps, Seeds: o.seeds.String()}
	for _, b := range baselines {
		res.Rows = append(res.Rows, row{Name: b.name, Mode: stats.Interval{Estimate: b.mean}, Share: stats.Interval{Estimate: (b.mean - bottom) / (top - bottom)}})
	}
	for i, s := range settings {
		t := over(runs[i])
		w := row{Name: s.name, Trained: true, Violations: t.violations, Residual: t.residual, Seconds: t.seconds, Sampled: mean(t.sampled)}
		var share []float64
		for _, r := range runs[i] {
			share = append(share, (r.Final-bottom)/(top-bottom))
			w.Means += r.Means / float64(len(o.seeds))
			w.Modes += r.Modes / float64(len(o.seeds))
			if r.Rule == policy.Mean {
				w.Meant++
			}
		}
		stream := rng.New(1, "experiments", env, s.name)
		w.Mode, w.Worst = stats.MeanInterval(t.final, 0.95, stream), slices.Min(share)
		w.Share = stats.MeanInterval(share, 0.95, stream.Split(1))
		res.Rows = append(res.Rows, w)
	}
	return res, runs, nil
}

// plottedSettings is how many settings a plot shows: the presets, which come first.
// More are not told apart.
const plottedSettings = 3

// reference is a policy that needs no training.
type reference struct {
	name string
	mean float64
}

// curveReferences returns the references of a problem over the episodes of the curves.
func curveReferences(settings, env string) (refs []reference, top, bottom float64, err error) {
	s, err := settingOf(settings, settings, env)
	if err != nil {
		return nil, 0, 0, err
	}
	t, err := taskOf(s.Config, curveEpisodes)
	if err != nil {
		return nil, 0, 0, err
	}
	return t.references(curveEpisodes, curveSeed)
}

// references plays the baselines on the episodes of a seed. The share of the way is counted from bottom, the
// first of them, to top, the best.
func (t *task) references(episodes int, seed uint64) (refs []reference, top, bottom float64, err error) {
	switch p := t.problem.(type) {
	case *synthetic.Problem:
		best, err := p.Optimum(seed)
		if err != nil {
			return nil, 0, 0, err
		}
		uniform, err := played(p, "uniform", episodes, seed)
		if err != nil {
			return nil, 0, 0, err
		}
		refs = []reference{uniform, {"best found by search", best.Return}}
	case interface {
		Baselines(uint64) ([]envs.Baseline, error)
	}:
		all, err := p.Baselines(seed)
		if err != nil {
			return nil, 0, 0, err
		}
		for _, b := range all {
			x, _, err := t.play(b.Allocator, episodes, seed)
			if err != nil {
				return nil, 0, 0, fmt.Errorf("%s: %w", b.Name, err)
			}
			refs = append(refs, reference{b.Name, x})
		}
	default:
		return nil, 0, 0, fmt.Errorf("no references for %s", t.problem.Spec().Name)
	}
	top = math.Inf(-1)
	for _, r := range refs {
		top = max(top, r.mean)
	}
	return refs, top, refs[0].mean, nil
}

const maxSteps = 10_000 // of an episode

func played(p envs.Problem, name string, episodes int, seed uint64) (reference, error) {
	a, err := envs.Uniform(p.Spec().Polytope, seed)
	if err != nil {
		return reference{}, err
	}
	r, err := envs.Play(p, a, 20*episodes, maxSteps, seed)
	if err != nil {
		return reference{}, err
	}
	return reference{name, mean(r.Returns)}, nil
}

func mean(xs []float64) float64 {
	var s float64
	for _, x := range xs {
		s += x
	}
	return s / float64(len(xs))
}

func percent(x float64) string { return fmt.Sprintf("%.1f %%", 100*x) }

func deterministic(p point) float64 { return p.Mode }

func sampled(p point) float64 { return p.Sampled }

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
