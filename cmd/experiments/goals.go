package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strings"

	"paspo/cmd/experiments/internal/output"
	"paspo/envs/portfolio"
)

// goal is what a row of the page's tables of goals and of problems that nobody tuned says, beside
// those that learning has.
type goal struct{ name, env, base, changes string }

const fiftyChanges = "env.synthetic.entities=50 env.synthetic.seed=1 ppo.ranks=false ppo.group=16 ppo.entropy_coef=0 env.synthetic.rising=true "

var goals = []goal{
	{"compute-capped", "compute-capped", tunedSettings, ""},
	{"portfolio-limited", portfolio.LimitedName, tunedSettings, ""},
	{"50-entities-5-rows", "synthetic", tunedSettings, fiftyChanges + "env.synthetic.rows=5 debias.concentration=0.2"},
	{"50-entities-8-rows", "synthetic", tunedSettings, fiftyChanges + "env.synthetic.rows=8 debias.concentration=0.3"},
	{"50-entities-5-rows-as-drawn", "synthetic", tunedSettings, fiftyChanges + "env.synthetic.rows=5 debias.concentration=0.3 env.synthetic.rising=false"},
	{"50-entities-8-rows-as-drawn", "synthetic", tunedSettings, fiftyChanges + "env.synthetic.rows=8 debias.concentration=0.3 env.synthetic.rising=false"},
	{"synthetic-million", "synthetic", tunedSettings, "policy.max_shape=100_000 steps=1_000_000"},
	{"compute-million", "compute", tunedSettings, "ppo.lr=3e-6 steps=1_000_000"},
	{"synthetic-5", "synthetic", "configs/untuned/synthetic-5.yaml", ""},
	{"synthetic-12", "synthetic", "configs/untuned/synthetic-12.yaml", ""},
	{"synthetic-25", "synthetic", "configs/untuned/synthetic-25.yaml", ""},
	{"synthetic-50", "synthetic", "configs/untuned/synthetic-50.yaml", ""},
	{"channels", "channels", "configs/untuned/channels.yaml", ""},
	{"factor", "factor", "configs/untuned/factor.yaml", ""},
	{"compute-capped-auto", "compute-capped", autoSettings, ""},
	{"portfolio-limited-auto", portfolio.LimitedName, autoSettings, ""},
}

// reach trains the goals of these names, or all, and writes what came.
func reach(ctx context.Context, out *output.Folder, o options, names []string) error {
	for _, g := range goals {
		if len(names) > 0 && !slices.Contains(names, g.name) {
			continue
		}
		var res *results
		s, err := settingOf(g.base, g.base, g.env, strings.Fields(g.changes)...)
		if err == nil {
			s.PPO.EvalEvery = math.MaxInt32 // at the end alone: nobody looks at the curve
			res, _, err = compared(ctx, out, o, g.env, []setting{s})
		}
		if err == nil {
			err = out.JSON(g.name, res)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", g.name, err)
		}
	}
	return tabulateGoals(out)
}

// tabulateGoals writes one table of all goals that have been trained.
func tabulateGoals(out *output.Folder) error {
	table := [][]string{{"", "steps", "seeds", "uniform", "best reference policy", "return (95 %)", "share of the way (95 %)", "worst seed", "violations"}}
	for _, g := range goals {
		var res results
		if err := out.Read(g.name, &res); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return err
		}
		from, to := res.ends()
		for _, w := range res.Rows {
			if w.Trained {
				table = append(table, []string{g.name, fmt.Sprint(res.Steps), res.Seeds, output.Decimals(from), output.Decimals(to),
					fmt.Sprintf("%.4f (%s)", w.Mode.Estimate, output.Range(w.Mode, output.Decimals)),
					fmt.Sprintf("%s (%s)", output.Percent(w.Share.Estimate), output.Range(w.Share, output.Percent)), output.Percent(w.Worst), fmt.Sprint(w.Violations)})
			}
		}
	}
	return out.Table("goals", table)
}
