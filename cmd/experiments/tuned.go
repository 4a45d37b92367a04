package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"paspo/baselines"
	"paspo/cmd/experiments/internal/output"
	"paspo/envs/benchmarks"
	"paspo/internal/rng"
	"paspo/internal/stats"
	"paspo/internal/sweep"
	"paspo/internal/sweep/spec"
)

type tunedOptions struct {
	options
	algos  []string
	trials int
	report spec.Seeds
}

// commonSpace is searched for all algorithms, ownSpace for some beside it: as many settings are tried
// of each.
const commonSpace = `  ppo.lr: {log: [1e-4, 1e-2]}
  ppo.gamma: {choices: [0, 0.9, 1]}
  ppo.entropy_coef: {choices: [0, 0.001, 0.01, 0.1]}
  ppo.minibatch: {choices: [64, 256]}
  ppo.epochs: {choices: [4, 10]}
  ppo.envs: {choices: [8, 32]}
`

var ownSpace = map[string]string{
	"optlayer":   "  algo.correction: {choices: [cp, cc, cpc]}\n",
	"lagrangian": "  algo.multiplier_lr: {log: [0.005, 0.5]}\n",
	"cup":        "  algo.multiplier_lr: {log: [0.005, 0.5]}\n",
	"ipo":        "  algo.barrier_t: {log: [2, 200]}\n",
	"p3o":        "  algo.kappa: {log: [2, 200]}\n",
	"cpo":        "  algo.target_kl: {log: [0.001, 0.1]}\n",
	"aram":       "  algo.rejection_penalty: {log: [0.01, 1]}\n",
	"projection": "  algo.penalty: {log: [0.1, 10]}\n",
}

// tunedAlgorithm is what the best settings of an algorithm come to on other seeds.
type tunedAlgorithm struct {
	Algo     string
	Settings string    // the best ones
	short    string    // the same for a table
	Returns  []float64 // of the seeds of the report, with actions projected that break a constraint

	Violations    float64 // of a training
	Residual      float64 // the largest
	Seconds       float64 // of a training with the best settings
	SearchSeconds float64 // of all trainings, those of the report included
}

// tunedResults is the file of an environment.
type tunedResults struct {
	Steps      int64
	Trials     int
	Seeds      string // of the search
	Report     string
	Algorithms []tunedAlgorithm
}

// tune searches the settings of every algorithm on every environment with equal budgets, and trains
// the best again on other seeds. Algorithms may break constraints, so that settings are compared by
// the returns of projected actions.
func tune(ctx context.Context, out *output.Folder, o tunedOptions, names []string) error {
	for _, algo := range o.algos {
		if !slices.Contains(baselines.Names(), algo) {
			return fmt.Errorf("--algos has %q: %s are allowed", algo, strings.Join(baselines.Names(), ", "))
		}
	}
	if len(names) == 0 {
		names = benchmarks.Names()
	}
	for _, env := range names {
		if err := tuneOn(ctx, out, o, env); err != nil {
			return fmt.Errorf("%s, %w", env, err)
		}
	}
	return nil
}

// tuneOn is tune for one environment.
func tuneOn(ctx context.Context, out *output.Folder, o tunedOptions, env string) error {
	res := tunedResults{Steps: o.steps, Trials: o.trials, Seeds: o.seeds.String(), Report: o.report.String()}
	for _, algo := range o.algos {
		w, err := tuningSweep(ctx, o, env, algo)
		if err != nil {
			return fmt.Errorf("%s: %w", algo, err)
		}
		st, err := ended(ctx, out, o.options, w)
		if err == nil && (len(st.Report) == 0 || slices.Contains(st.Report[0].Records, nil)) {
			err = fmt.Errorf("%s has not trained the best settings on all seeds of the report", w.Dir)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", algo, err)
		}
		best := st.Report[0]
		t := tunedAlgorithm{Algo: algo, Settings: best.Label, short: w.ShortLabel(best.Point), Returns: best.Returns, SearchSeconds: st.Seconds}
		for _, r := range best.Records {
			t.Violations += float64(r.Violations) / float64(len(best.Records))
			t.Seconds += r.Seconds / float64(len(best.Records))
			if r.Residual != nil {
				t.Residual = max(t.Residual, *r.Residual)
			}
		}
		res.Algorithms = append(res.Algorithms, t)
		out.Progress("%-12s %-20s %.4f by %s, %.0f s of search", env, algo, stats.Mean(t.Returns), t.Settings, t.SearchSeconds)
	}
	if err := out.JSON(env, res); err != nil {
		return err
	}
	return out.Table(env, res.table())
}

// table has what broke nothing first, and the best first.
func (res *tunedResults) table() [][]string {
	table := [][]string{{"", "return, of projected actions (95 %)", "worst seed", "violations a training", "largest residual", "settings", "processor time of a training", "of the search"}}
	all := slices.Clone(res.Algorithms)
	slices.SortStableFunc(all, func(a, b tunedAlgorithm) int {
		if broke := a.Violations > 0; broke != (b.Violations > 0) {
			return map[bool]int{true: 1, false: -1}[broke]
		}
		return cmp.Compare(stats.Mean(b.Returns), stats.Mean(a.Returns))
	})
	for _, t := range all {
		iv := stats.MeanInterval(t.Returns, 0.95, rng.New(1, "experiments", "tuned", t.Algo))
		table = append(table, []string{t.Algo, fmt.Sprintf("%s (%s)", output.Decimals(iv.Estimate), output.Range(iv, output.Decimals)), output.Decimals(slices.Min(t.Returns)),
			fmt.Sprintf("%.0f", t.Violations), fmt.Sprintf("%.2g", t.Residual), "`" + t.short + "`", fmt.Sprintf("%.1f s", t.Seconds), fmt.Sprintf("%.0f s", t.SearchSeconds)})
	}
	return table
}

// tuningSweep makes the sweep of an algorithm on an environment, or opens it where it is there.
func tuningSweep(ctx context.Context, o tunedOptions, env, algo string) (*sweep.Sweep, error) {
	text := fmt.Appendf(nil, `base: {preset: paper, steps: %d, device: cpu, env: {name: %s}, algo: {name: %s}}
seeds: [%v]
objective: {metric: projected_return, statistic: mean}
search: {method: random, trials: %d}
prune: {method: asha, min_steps: %d, factor: 3}
report: {settings: 1, seeds: [%v]}
space:
%s%s`, o.steps, env, algo, o.seeds, o.trials, max(1, o.steps/9), o.report, commonSpace, ownSpace[algo])
	return openSweep(ctx, o.options, env+", "+algo, "tuned-"+env+"-"+algo, text, nil)
}
