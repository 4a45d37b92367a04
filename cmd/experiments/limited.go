package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"paspo/cmd/experiments/internal/output"
	"paspo/envs"
	"paspo/envs/benchmarks"
	"paspo/envs/compute"
	"paspo/envs/portfolio"
	"paspo/internal/plots"
	"paspo/internal/rng"
	"paspo/internal/run/agent"
	"paspo/internal/run/config"
	"paspo/internal/stats"
)

type limitedOptions struct {
	options
	episodes int
	further  []string
}

// staticOf names the benchmark that a variant adds limits to.
var staticOf = map[string]string{portfolio.LimitedName: "portfolio", compute.CappedName: "compute"}

// limited trains a variant, whose limits follow the state, beside its static
// version, each with its tuned settings, and compares both with reference policies.
func limited(ctx context.Context, out *output.Folder, o limitedOptions, env string) error {
	if staticOf[env] == "" {
		return fmt.Errorf("%q has no limits that follow the state: %s have", env, strings.Join(benchmarks.Variants(), " and "))
	}
	if o.steps == 0 {
		preset, err := tuned(env)
		if err != nil {
			return err
		}
		o.steps = preset.Steps
	}
	free, err := trainSide(ctx, out, o, staticOf[env], nil)
	if err != nil {
		return err
	}
	bound, err := trainSide(ctx, out, o, env, o.further)
	if err != nil {
		return err
	}
	projected, err := bound.projected(free, o.episodes)
	if err != nil {
		return err
	}
	table := slices.Concat([][]string{{
		"", "policy", "return, deterministic action", "95 % over seeds", "worst seed", "return, sampled", "share of the way", "violations", "largest residual",
		"states relaxed", "by at most", "training steps/s",
	}}, free.rows(), bound.rows(), [][]string{projected})
	plot := plots.Learning{Title: env, YLabel: "return of the deterministic action", Levels: []plots.Level{
		{Name: bound.refs[0].name, Y: bound.refs[0].mean},
		{Name: best(bound.refs).name + ", within the limits", Y: best(bound.refs).mean},
		{Name: best(free.refs).name + ", static version", Y: best(free.refs).mean},
	}}
	for _, runs := range bound.runs {
		plot.Curves = append(plot.Curves, curve(runs[0].Setting, runs, deterministic, "curve"))
	}
	plot.Curves = append(plot.Curves, curve("static version", free.runs[0], deterministic, "curve"))
	if err := writeRuns(out, env, slices.Concat(free.runs, bound.runs)); err != nil {
		return err
	}
	if err := out.Plot(env, plot); err != nil {
		return err
	}
	return out.Table(env, table)
}

// side is one of the two versions of a benchmark.
type side struct {
	env  string
	refs []reference // the first is where the share of the way begins
	runs [][]*run
}

// trainSide trains a version with its tuned settings, and with further ones.
func trainSide(ctx context.Context, out *output.Folder, o limitedOptions, env string, further []string) (*side, error) {
	s := &side{env: env}
	var settings []setting
	for _, changes := range append([]string{""}, further...) {
		c, err := tuned(env, strings.Fields(changes)...)
		if err != nil {
			return nil, err
		}
		if changes != "" {
			c.name = changes
		}
		c.PPO.EvalEvery = max(1, int(o.steps)/c.PPO.BatchSize()/12)
		settings = append(settings, c)
	}
	a, err := agent.New(settings[0].Config)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	if s.refs, err = references(a.Problem, o.episodes); err != nil {
		return nil, err
	}
	s.runs, err = trainAll(ctx, out, o.options, settings, o.episodes, func(r *run) {
		out.Progress("%-18s %-24s seed %d: %-4v %8.4f  sampled %8.4f  %.0f s", env, r.Setting, r.Seed, r.Rule, r.Final, r.Sampled, r.Seconds)
	})
	return s, err
}

// rows are those of the table.
func (s *side) rows() (rows [][]string) {
	for _, r := range s.refs {
		p := &run{}
		p.note(r.played)
		rows = append(rows, slices.Concat([]string{s.env, r.name, fmt.Sprintf("%.4f", r.mean), "", "", "", output.Percent(share(s.refs, r.mean))}, s.seen([]*run{p}), []string{""}))
	}
	for _, runs := range s.runs {
		rows = append(rows, s.trained(runs[0].Setting, runs))
	}
	return rows
}

func (s *side) trained(name string, runs []*run) []string {
	t := over(runs)
	var steps int64
	seconds := 0.
	for _, r := range runs {
		steps, seconds = steps+r.Steps, seconds+r.TrainSeconds
	}
	iv := stats.MeanInterval(t.final, 0.95, rng.New(1, "experiments", "limited", s.env, name))
	row := slices.Concat([]string{
		s.env, name, fmt.Sprintf("%.4f", iv.Estimate), output.Range(iv, output.Decimals), fmt.Sprintf("%.4f", slices.Min(t.final)),
		"", output.Percent(share(s.refs, iv.Estimate)),
	}, s.seen(runs), []string{""})
	if steps > 0 {
		row[5], row[11] = fmt.Sprintf("%.4f", stats.Mean(t.sampled)), output.Number(float64(steps)/seconds)
	}
	return row
}

// seen are the cells on constraints, on relaxed states where there may be any.
func (s *side) seen(runs []*run) []string {
	t := over(runs)
	relaxed, states, amount := 0, 0, 0.
	for _, r := range runs {
		relaxed, states, amount = relaxed+r.Relaxed, states+r.States, max(amount, r.MaxRelaxation)
	}
	cells := []string{fmt.Sprint(t.violations), fmt.Sprintf("%.1e", t.residual), "", ""}
	if staticOf[s.env] != "" {
		cells[2], cells[3] = fmt.Sprintf("%d of %d", relaxed, states), output.Number(amount)
	}
	return cells
}

// projected plays what the static version has learned, projected into the limits
// of every state.
func (s *side) projected(free *side, episodes int) ([]string, error) {
	c, err := tuned(s.env)
	if err != nil {
		return nil, err
	}
	to, err := agent.New(c.Config)
	if err != nil {
		return nil, err
	}
	defer to.Close()
	spec := to.Problem.Spec()
	var runs []*run
	for _, r := range free.runs[0] {
		a, c, err := agent.OpenRun(r.dir, agent.Latest, config.DeviceCPU)
		if err != nil {
			return nil, err
		}
		inner, dim := a.Allocator(c, r.Rule, finalSeed), a.Problem.Spec().ObsDim
		var shown []float64 // of an observation, what the static version has
		x, o, err := play(to.Problem, envs.Within(spec.Polytope, func(s *envs.States, actions []float64) error {
			shown = shown[:0]
			for k := range s.Rows {
				shown = append(shown, s.Obs[k*spec.ObsDim:k*spec.ObsDim+dim]...)
			}
			return inner(&envs.States{Step: s.Step, Rows: s.Rows, Obs: shown}, actions)
		}), episodes, finalSeed)
		a.Close()
		if err != nil {
			return nil, err
		}
		p := &run{Final: x}
		p.note(o)
		runs = append(runs, p)
	}
	return s.trained("trained on the static version, projected", runs), nil
}
