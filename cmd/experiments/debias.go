package main

import (
	"context"
	"fmt"

	"paspo/cmd/experiments/internal/output"
	"paspo/internal/plots"
	"paspo/internal/run/agent"
	"paspo/internal/sweep/spec"
)

const debiasEntities, debiasRows, debiasEpisodes = 3, 2, 200

// debiasing trains on random problems of three entities from de-biased and from
// plain weights. Every seed has its own polytope and reward.
func debiasing(ctx context.Context, out *output.Folder, o options) error {
	names := []string{"de-biased", "plain"}
	curves := make([][]*run, len(names))
	table := [][]string{{"problem", "uniform", "best found", "de-biased, share of the way after a quarter", "plain", "de-biased, at the end", "plain"}}
	for _, seed := range o.seeds {
		var settings []setting
		for i, name := range names {
			s, err := paperWith(name, "synthetic", "ppo.eval_every=2", fmt.Sprint("debias.enabled=", i == 0), fmt.Sprint("env.synthetic.seed=", seed),
				fmt.Sprint("env.synthetic.entities=", debiasEntities), fmt.Sprint("env.synthetic.rows=", debiasRows))
			if err != nil {
				return err
			}
			settings = append(settings, s)
		}
		a, err := agent.New(settings[0].Config)
		if err != nil {
			return err
		}
		refs, err := references(a.Problem, debiasEpisodes)
		a.Close()
		if err != nil {
			return err
		}
		one := o
		one.seeds = spec.Seeds{seed}
		runs, err := trainAll(ctx, out, one, settings, debiasEpisodes, func(*run) {})
		if err != nil {
			return err
		}
		row := []string{fmt.Sprint(seed), fmt.Sprintf("%.4f", refs[0].mean), fmt.Sprintf("%.4f", refs[1].mean)}
		var quarter, end []string
		for i, r := range runs {
			// Sampled returns show the distribution that a policy starts from.
			c := r[0].Curve
			for j := range c {
				c[j].Sampled = share(refs, c[j].Sampled)
			}
			quarter, end = append(quarter, output.Percent(c[len(c)/4].Sampled)), append(end, output.Percent(c[len(c)-1].Sampled))
			curves[i] = append(curves[i], r[0])
		}
		table = append(table, append(append(row, quarter...), end...))
		out.Progress("problem %d: %v", seed, table[len(table)-1])
	}

	plot := plots.Learning{Title: "three entities, random problems", YLabel: "share of the way from uniform to the best found"}
	for i, name := range names {
		plot.Curves = append(plot.Curves, curve(name, curves[i], sampled, "debias"))
	}
	if err := out.Plot("debias", plot); err != nil {
		return err
	}
	return out.Table("debias", table)
}
