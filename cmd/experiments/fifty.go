package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"paspo/cmd/experiments/internal/output"
	"paspo/internal/plots"
	"paspo/internal/rng"
	"paspo/internal/run/agent"
	"paspo/internal/run/config"
	"paspo/internal/stats"
	"paspo/policy"
)

type fiftyOptions struct {
	options
	entities int
	rows     []int
}

// fiftyEpisodes is the number that policies are compared on: only sampled actions differ between them.
const fiftyEpisodes = 200

// fifty trains the synthetic benchmark with many entities, from de-biased and
// from plain weights, against the optimum that search finds.
func fifty(ctx context.Context, out *output.Folder, o fiftyOptions) error {
	head := []string{
		"rows", "intervals by", "setting", "initial policy, share of the way", "deterministic action, at the end", "95 % over seeds", "worst seed",
		"sampled actions", "violations", "largest residual", "processor seconds a training",
	}
	table := [][]string{head}
	for _, rows := range o.rows {
		more, err := fiftyRows(ctx, out, o, rows)
		if err != nil {
			return fmt.Errorf("%d rows: %w", rows, err)
		}
		table = append(table, more...)
	}
	return out.Table("fifty", table)
}

func fiftyRows(ctx context.Context, out *output.Folder, o fiftyOptions, rows int) ([][]string, error) {
	settings, err := fiftySettings(o, rows)
	if err != nil {
		return nil, err
	}
	a, err := agent.New(settings[0].Config)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	refs, err := references(a.Problem, fiftyEpisodes)
	if err != nil {
		return nil, err
	}
	out.Progress("%d entities, %d rows: intervals by %s, uniform %.4f, best found %.4f", o.entities, rows, a.Solver.Method(), refs[0].mean, refs[1].mean)
	runs, err := trainAll(ctx, out, o.options, settings, fiftyEpisodes, func(r *run) {
		out.Progress("%d rows, %-28s seed %d: %s, %.0f s", rows, r.Setting, r.Seed, output.Percent(share(refs, r.Final)), r.Seconds)
	})
	if err != nil {
		return nil, err
	}

	name := fmt.Sprintf("fifty-%d-rows", rows)
	if err := writeRuns(out, name, runs); err != nil {
		return nil, err
	}
	plot := plots.Learning{
		Title: fmt.Sprintf("%d entities, %d rows", o.entities, rows), YLabel: "return of sampled actions",
		Levels: []plots.Level{{Name: refs[0].name, Y: refs[0].mean}, {Name: refs[1].name, Y: refs[1].mean}},
	}
	var table [][]string
	for i, s := range settings {
		sum := over(runs[i])
		var begin, end []float64
		for _, r := range runs[i] {
			first, err := r.initial(fiftyEpisodes)
			if err != nil {
				return nil, err
			}
			begin, end = append(begin, share(refs, first)), append(end, share(refs, r.Final))
		}
		iv := stats.MeanInterval(end, 0.95, rng.New(1, "experiments", "fifty", s.name))
		plot.Curves = append(plot.Curves, curve(s.name, runs[i], sampled, "fifty"))
		table = append(table, []string{
			fmt.Sprint(rows), a.Solver.Method(), s.name, output.Percent(stats.Mean(begin)), output.Percent(iv.Estimate),
			output.Range(iv, output.Percent), output.Percent(slices.Min(end)), output.Percent(share(refs, stats.Mean(sum.sampled))),
			fmt.Sprint(sum.violations), fmt.Sprintf("%.1e", sum.residual), output.Number(sum.seconds),
		})
	}
	return table, out.Plot(name, plot)
}

// initial is the mean return of the sampled actions of the policy that training started from.
func (r *run) initial(episodes int) (float64, error) {
	a, c, err := agent.OpenRun(r.dir, agent.Initial, config.DeviceCPU)
	if err != nil {
		return 0, err
	}
	defer a.Close()
	x, _, err := play(a.Problem, a.Allocator(c, policy.Sampled, finalSeed), episodes, finalSeed)
	return x, err
}

// fiftySettings are the paper's settings, from de-biased and from plain weights, and
// from de-biased ones those tuned for the synthetic benchmark of 7 entities but for
// ranks, with two entropy bonuses.
func fiftySettings(o fiftyOptions, rows int) (all []setting, err error) {
	const few = "tuned for 7 entities, entropy "
	for _, x := range []struct{ name, base, change string }{
		{"paper's, de-biased", defaultSettings, "debias.enabled=true"},
		{"paper's, plain", defaultSettings, "debias.enabled=false"},
		{few + "0.1", tunedSettings, "ppo.ranks=false ppo.group=16 ppo.entropy_coef=0.1"},
		{few + "0.01", tunedSettings, "ppo.ranks=false ppo.group=16 ppo.entropy_coef=0.01"},
	} {
		s, err := settingOf(x.name, x.base, "synthetic", append(strings.Fields(x.change), "env.synthetic.seed=1",
			fmt.Sprint("env.synthetic.entities=", o.entities), fmt.Sprint("env.synthetic.rows=", rows))...)
		if err != nil {
			return nil, err
		}
		s.PPO.EvalEvery = max(1, int(o.steps)/s.PPO.BatchSize()/10)
		all = append(all, s)
	}
	return all, nil
}
