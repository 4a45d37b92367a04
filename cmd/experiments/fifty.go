package main

import (
	"context"
	"fmt"
	"slices"

	"paspo/envs/synthetic"
	"paspo/internal/plots"
	"paspo/internal/rng"
	"paspo/internal/stats"
	"paspo/lp/constraints"
	"paspo/lp/interval"
	"paspo/policy"
)

type fiftyOptions struct {
	options
	entities int
	rows     []int
}

// fifty trains the synthetic benchmark with many entities, from de-biased and
// from plain weights, against the optimum that search finds.
func fifty(ctx context.Context, out *output, o fiftyOptions) error {
	head := []string{
		"rows", "intervals by", "setting", "initial policy, share of the way", "deterministic action, at the end", "95 % over seeds", "worst seed",
		"sampled actions", "violations", "largest residual", "seconds a training",
	}
	table := [][]string{head}
	for _, rows := range o.rows {
		more, err := fiftyRows(ctx, out, o, rows)
		if err != nil {
			return fmt.Errorf("%d rows: %w", rows, err)
		}
		table = append(table, more...)
	}
	return out.table("fifty", table)
}

func fiftyRows(ctx context.Context, out *output, o fiftyOptions, rows int) ([][]string, error) {
	settings, err := fiftySettings(o.steps)
	if err != nil {
		return nil, err
	}
	p, err := constraints.GenerateRejection(o.entities, rows, 1)
	if err != nil {
		return nil, err
	}
	problem, err := synthetic.New(synthetic.Config{Entities: o.entities, States: 2, Seed: 1, Polytope: p})
	if err != nil {
		return nil, err
	}
	t, err := newTask(problem, fmt.Sprintf("%d entities, %d rows, seed 1", o.entities, rows), interval.DefaultConfig(), 200)
	if err != nil {
		return nil, err
	}
	best, err := problem.Optimum(finalSeed)
	if err != nil {
		return nil, err
	}
	uniform, err := played(problem, "uniform", t.episodes, finalSeed)
	if err != nil {
		return nil, err
	}
	out.progress("%d entities, %d rows: intervals by %s, uniform %.4f, best found %.4f", o.entities, rows, t.solver.Method(), uniform.mean, best.Return)
	share := func(x float64) float64 { return (x - uniform.mean) / (best.Return - uniform.mean) }
	runs, err := trainAll(ctx, o.options, same(t, settings), settings, func(r *run) {
		out.progress("%d rows, %-28s seed %d: %s, %.0f s", rows, r.Setting, r.Seed, percent(share(r.Final)), r.Seconds)
	})
	if err != nil {
		return nil, err
	}

	name := fmt.Sprintf("fifty-%d-rows", rows)
	if err := out.runs(name, runs); err != nil {
		return nil, err
	}
	plot := plots.Learning{
		Title: fmt.Sprintf("%d entities, %d rows", o.entities, rows), YLabel: "return of sampled actions",
		Levels: []plots.Level{{Name: "uniform", Y: uniform.mean}, {Name: "best found by search", Y: best.Return}},
	}
	var table [][]string
	for i, s := range settings {
		sum := over(runs[i])
		var begin, mode []float64
		for j, r := range runs[i] {
			first, err := t.initial(s, o.seeds[j])
			if err != nil {
				return nil, err
			}
			begin, mode = append(begin, share(first)), append(mode, share(r.Final))
		}
		iv := stats.MeanInterval(mode, 0.95, rng.New(1, "experiments", "fifty", s.name))
		plot.Curves = append(plot.Curves, curve(s.name, runs[i], sampled, "fifty"))
		table = append(table, []string{
			fmt.Sprint(rows), t.solver.Method(), s.name, percent(mean(begin)), percent(iv.Estimate),
			percent(iv.Low) + " .. " + percent(iv.High), percent(slices.Min(mode)), percent(share(mean(sum.sampled))),
			fmt.Sprint(sum.violations), fmt.Sprintf("%.1e", sum.residual), number(sum.seconds),
		})
	}
	return table, out.plot(name, plot)
}

// initial is the mean return of the sampled actions of an untrained policy.
func (t *task) initial(s setting, seed uint64) (float64, error) {
	b, err := t.start(s, seed)
	if err != nil {
		return 0, err
	}
	defer b.Close()
	return t.score(&run{backend: b}, policy.Sampled, t.episodes, finalSeed)
}

// fiftySettings are the paper's settings, from de-biased and from plain weights, and
// from de-biased ones those tuned for the synthetic benchmark of 7 entities, with
// their entropy bonus and with the paper's.
func fiftySettings(steps int64) ([]setting, error) {
	paper, err := paperWith("paper's, de-biased", "synthetic")
	if err != nil {
		return nil, err
	}
	plain := paper
	plain.name, plain.plain = "paper's, plain", true
	strong, err := tuned("synthetic")
	if err != nil {
		return nil, err
	}
	weak, err := tuned("synthetic")
	if err != nil {
		return nil, err
	}
	weak.PPO.EntropyCoef = paper.PPO.EntropyCoef
	strong.name = fmt.Sprintf("tuned for 7 entities, entropy %g", strong.PPO.EntropyCoef)
	weak.name = fmt.Sprintf("tuned for 7 entities, entropy %g", weak.PPO.EntropyCoef)
	all := []setting{paper, plain, strong, weak}
	for _, s := range all {
		s.PPO.EvalEvery = max(1, int(steps)/s.PPO.BatchSize()/10)
	}
	return all, nil
}
