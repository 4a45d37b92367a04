package main

import (
	"context"
	"fmt"
	"math"

	"paspo/envs"
	"paspo/envs/benchmarks"
	"paspo/envs/compute"
	"paspo/envs/portfolio"
	"paspo/envs/synthetic"
	"paspo/internal/plots"
	"paspo/internal/rng"
	"paspo/internal/stats"
	"paspo/lp"
)

// finalEpisodes is the number of episodes that last policies are compared on.
const finalEpisodes = 1000

// learning trains one benchmark with the paper's settings and with changes to
// them, each over the same seeds.
func learning(ctx context.Context, out *output, o options, env string, settings []setting) error {
	problem, refs, err := benchmark(env)
	if err != nil {
		return err
	}
	t, err := newTask(problem, lp.DefaultSolverConfig(), finalEpisodes)
	if err != nil {
		return err
	}
	runs, err := t.trainAll(ctx, settings, o.seeds, o.steps, func(r *run) {
		out.progress("%-12s %-24s seed %d: mode %8.4f  sampled %8.4f  entropy %8.2f  %.0f s",
			env, r.Setting, r.Seed, r.Final, r.Sampled, r.Entropy, r.Seconds)
	})
	if err != nil {
		return err
	}
	baselines, top, bottom, err := refs(t.episodes)
	if err != nil {
		return err
	}

	res := results{Env: env, Steps: o.steps, Seeds: o.seeds}
	for _, b := range baselines {
		res.Rows = append(res.Rows, row{Name: b.name, Mode: stats.Interval{Estimate: b.mean}, Share: stats.Interval{Estimate: (b.mean - bottom) / (top - bottom)}})
	}
	for i, s := range settings {
		w := row{Name: s.name, Trained: true, Worst: math.Inf(1), Residual: math.Inf(-1)}
		var mode, sampled, share []float64
		for _, r := range runs[i] {
			m := r.Final
			mode, sampled, share = append(mode, m), append(sampled, r.Sampled), append(share, (m-bottom)/(top-bottom))
			w.Worst = min(w.Worst, (m-bottom)/(top-bottom))
			w.Violations += r.Violations
			w.Residual = max(w.Residual, r.MaxResidual)
			w.Seconds += r.Seconds / float64(o.seeds)
		}
		stream := rng.New(1, "experiments", env, s.name)
		w.Mode, w.Sampled = stats.MeanInterval(mode, 0.95, stream), mean(sampled)
		w.Share = stats.MeanInterval(share, 0.95, stream.Split(1))
		res.Rows = append(res.Rows, w)
	}
	if err := out.runs(env, runs); err != nil {
		return err
	}
	if err := out.plot(env, learningPlot(&res, runs)); err != nil {
		return err
	}
	if err := out.json(env, res); err != nil {
		return err
	}
	return out.table(env, res.table())
}

// plottedSettings is how many settings a plot shows: the paper's and the tuned
// ones, which come first. More are not told apart.
const plottedSettings = 2

// reference is a policy that needs no training.
type reference struct {
	name string
	mean float64
}

// references plays the baselines. The share of the way is
// counted from bottom to top.
type references func(episodes int) (refs []reference, top, bottom float64, err error)

func benchmark(name string) (envs.Problem, references, error) {
	c := benchmarks.DefaultConfig()
	c.Name = name
	p, err := benchmarks.New(c, nil)
	if err != nil {
		return nil, nil, err
	}
	switch p := p.(type) {
	case *portfolio.Problem:
		return p, func(episodes int) ([]reference, float64, float64, error) {
			all, err := p.Baselines(finalSeed)
			if err != nil {
				return nil, 0, 0, err
			}
			paths := p.SimulatedPaths(episodes, finalSeed)
			var refs []reference
			for _, b := range all {
				r, err := p.PlayPaths(paths, b.Allocator)
				if err != nil {
					return nil, 0, 0, err
				}
				refs = append(refs, reference{b.Name, mean(r.Expected)})
			}
			return refs, refs[len(refs)-1].mean, refs[0].mean, nil
		}, nil
	case *synthetic.Problem:
		return p, func(episodes int) ([]reference, float64, float64, error) {
			best, err := p.Optimum(finalSeed)
			if err != nil {
				return nil, 0, 0, err
			}
			uniform, err := played(p, "uniform", episodes)
			if err != nil {
				return nil, 0, 0, err
			}
			return []reference{uniform, {"best found by search", best.Return}}, best.Return, uniform.mean, nil
		}, nil
	case *compute.Problem:
		return p, func(episodes int) ([]reference, float64, float64, error) {
			all, err := p.Baselines(finalSeed)
			if err != nil {
				return nil, 0, 0, err
			}
			var refs []reference
			top := math.Inf(-1)
			for _, b := range all {
				r, err := envs.Play(p, b.Allocator, episodes, maxSteps, finalSeed)
				if err != nil {
					return nil, 0, 0, err
				}
				refs = append(refs, reference{b.Name, mean(r.Returns)})
				top = max(top, mean(r.Returns))
			}
			return refs, top, refs[0].mean, nil
		}, nil
	}
	return nil, nil, fmt.Errorf("no references for %s", name)
}

const maxSteps = 10_000 // of an episode

func played(p envs.Problem, name string, episodes int) (reference, error) {
	a, err := envs.Uniform(p.Spec().Polytope, finalSeed)
	if err != nil {
		return reference{}, err
	}
	r, err := envs.Play(p, a, 20*episodes, maxSteps, finalSeed)
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

// curve is the mean over seeds with a band of the half width of its interval.
func curve(name string, runs []*run) plots.Curve {
	c := plots.Curve{Name: name}
	for k, p := range runs[0].Curve {
		var xs []float64
		for _, r := range runs {
			xs = append(xs, r.Curve[k].Mode)
		}
		iv := stats.MeanInterval(xs, 0.95, rng.New(1, "experiments", "curve"))
		c.X, c.Y, c.Err = append(c.X, float64(p.Step)), append(c.Y, iv.Estimate), append(c.Err, (iv.High-iv.Low)/2)
	}
	return c
}
