package main

import (
	"context"
	"fmt"

	"paspo/envs/synthetic"
	"paspo/internal/plots"
	"paspo/lp/constraints"
	"paspo/lp/interval"
)

const debiasEntities, debiasRows = 3, 2

// debiasing trains on random problems of three entities from de-biased and from
// plain weights. Every seed has its own polytope and reward.
func debiasing(ctx context.Context, out *output, o options) error {
	debiased, err := paperWith("de-biased", "synthetic", "ppo.eval_every=2")
	if err != nil {
		return err
	}
	plain := debiased
	plain.name, plain.plain = "plain", true
	settings := []setting{debiased, plain}
	curves := make([][]*run, len(settings))
	table := [][]string{{"problem", "uniform", "best found", "de-biased, share of the way after a quarter", "plain", "de-biased, at the end", "plain"}}
	for _, seed := range o.seeds {
		p, err := constraints.GenerateRejection(debiasEntities, debiasRows, seed)
		if err != nil {
			return err
		}
		problem, err := synthetic.New(synthetic.Config{Entities: debiasEntities, States: 2, Seed: seed, Polytope: p})
		if err != nil {
			return err
		}
		t, err := newTask(problem, fmt.Sprintf("%d entities, seed %d", debiasEntities, seed), interval.DefaultConfig(), 200)
		if err != nil {
			return err
		}
		best, err := problem.Optimum(finalSeed)
		if err != nil {
			return err
		}
		uniform, err := played(problem, "uniform", t.episodes, finalSeed)
		if err != nil {
			return err
		}
		row := []string{fmt.Sprint(seed), fmt.Sprintf("%.4f", uniform.mean), fmt.Sprintf("%.4f", best.Return)}
		var quarter, end []string
		for i, s := range settings {
			r, err := t.train(ctx, o.kept, s, seed, o.steps)
			if err != nil {
				return err
			}
			// Sampled returns show the distribution that a policy starts from.
			for j := range r.Curve {
				r.Curve[j].Sampled = (r.Curve[j].Sampled - uniform.mean) / (best.Return - uniform.mean)
			}
			quarter = append(quarter, percent(r.Curve[len(r.Curve)/4].Sampled))
			end = append(end, percent(r.Curve[len(r.Curve)-1].Sampled))
			curves[i] = append(curves[i], r)
		}
		table = append(table, append(append(row, quarter...), end...))
		out.progress("problem %d: %v", seed, table[len(table)-1])
	}

	plot := plots.Learning{Title: "three entities, random problems", YLabel: "share of the way from uniform to the best found"}
	for i, s := range settings {
		plot.Curves = append(plot.Curves, curve(s.name, curves[i], sampled, "debias"))
	}
	if err := out.plot("debias", plot); err != nil {
		return err
	}
	return out.table("debias", table)
}
