package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"paspo/envs"
	"paspo/envs/benchmarks"
	"paspo/envs/compute"
	"paspo/envs/portfolio"
	"paspo/internal/plots"
	"paspo/internal/rng"
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
// version, each with its tuned settings, and compares both with baselines.
func limited(ctx context.Context, out *output, o limitedOptions, env string) error {
	if staticOf[env] == "" {
		return fmt.Errorf("%q has no limits that follow the state: %s have", env, strings.Join(benchmarks.Variants(), " and "))
	}
	table := [][]string{{
		"", "policy", "return, deterministic action", "95 % over seeds", "worst seed", "return, sampled", "share of the way", "violations", "largest residual",
		"states relaxed", "by at most", "training steps/s",
	}}
	plot := plots.Learning{Title: env, YLabel: "return of the deterministic action"}
	var all [][]*run

	preset, err := tuned(env)
	if err != nil {
		return err
	}
	if o.steps == 0 {
		o.steps = preset.Steps
	}
	free, err := newSide(staticOf[env], o, nil)
	if err != nil {
		return err
	}
	bound, err := newSide(env, o, o.further)
	if err != nil {
		return err
	}
	for _, s := range []*side{free, bound} {
		if err := s.play(); err != nil {
			return err
		}
		if s.runs, err = trainAll(ctx, o.options, same(s.task, s.settings), s.settings, func(r *run) {
			out.progress("%-18s %-24s seed %d: %-4v %8.4f  sampled %8.4f  %.0f s", s.env, r.Setting, r.Seed, r.Rule, r.Final, r.Sampled, r.Seconds)
		}); err != nil {
			return err
		}
		all = append(all, s.runs...)
		table = append(table, s.rows()...)
		if s == free {
			continue
		}
		r, err := s.projected(free)
		if err != nil {
			return err
		}
		table = append(table, r)
	}
	for i, s := range bound.settings {
		plot.Curves = append(plot.Curves, curve(s.name, bound.runs[i], deterministic, "curve"))
	}
	plot.Curves = append(plot.Curves, curve("static version", free.runs[0], deterministic, "curve"))
	plot.Levels = []plots.Level{
		{Name: bound.refs[0].name, Y: bound.refs[0].mean},
		{Name: bound.best().name + ", within the limits", Y: bound.best().mean},
		{Name: free.best().name + ", static version", Y: free.best().mean},
	}
	if err := out.runs(env, all); err != nil {
		return err
	}
	if err := out.plot(env, plot); err != nil {
		return err
	}
	return out.table(env, table)
}

// side is one of the two versions of a benchmark.
type side struct {
	env      string
	task     *task
	settings []setting
	refs     []reference // the first is where the share of the way begins
	played   []*envs.Outcome
	runs     [][]*run
}

func newSide(env string, o limitedOptions, further []string) (*side, error) {
	s := &side{env: env}
	for _, changes := range append([]string{""}, further...) {
		c, err := tuned(env, strings.Fields(changes)...)
		if err != nil {
			return nil, err
		}
		if changes != "" {
			c.name = changes
		}
		c.PPO.EvalEvery = max(1, int(o.steps)/c.PPO.BatchSize()/12)
		s.settings = append(s.settings, c)
	}
	var err error
	if s.task, err = taskOf(s.settings[0].Config, o.episodes); err != nil {
		return nil, err
	}
	s.task.curveEpisodes = min(curveEpisodes, o.episodes/5)
	return s, nil
}

// play plays the baselines.
func (s *side) play() error {
	p, ok := s.task.problem.(interface {
		Baselines(uint64) ([]envs.Baseline, error)
	})
	if !ok {
		return fmt.Errorf("no baselines of %s", s.env)
	}
	all, err := p.Baselines(finalSeed)
	if err != nil {
		return err
	}
	for _, b := range all {
		x, o, err := s.task.play(b.Allocator, s.task.episodes, finalSeed)
		if err != nil {
			return fmt.Errorf("%s: %w", b.Name, err)
		}
		s.refs, s.played = append(s.refs, reference{b.Name, x}), append(s.played, o)
	}
	return nil
}

func (s *side) best() reference {
	best := s.refs[0]
	for _, r := range s.refs {
		if r.mean > best.mean {
			best = r
		}
	}
	return best
}

func (s *side) share(x float64) string {
	from := s.refs[0].mean
	return percent((x - from) / (s.best().mean - from))
}

// rows are those of the table.
func (s *side) rows() [][]string {
	var rows [][]string
	for i, r := range s.refs {
		o := s.played[i]
		rows = append(rows, []string{
			s.env, r.name, fmt.Sprintf("%.4f", r.mean), "", "", "", s.share(r.mean),
			fmt.Sprint(o.Violations), fmt.Sprintf("%.1e", o.MaxResidual), s.relaxed(o.Relaxed, o.Lengths), s.amount(o.MaxRelaxation), "",
		})
	}
	for i, c := range s.settings {
		rows = append(rows, s.trained(c.name, s.runs[i]))
	}
	return rows
}

func (s *side) trained(name string, runs []*run) []string {
	t := over(runs)
	relaxed, states, amount := 0, 0, 0.
	var steps int64
	seconds := 0.
	for _, r := range runs {
		relaxed, states, amount = relaxed+r.Relaxed, states+r.States, max(amount, r.MaxRelaxation)
		steps, seconds = steps+r.Steps, seconds+r.TrainSeconds
	}
	iv := stats.MeanInterval(t.final, 0.95, rng.New(1, "experiments", "limited", s.env, name))
	row := []string{
		s.env, name, fmt.Sprintf("%.4f", iv.Estimate), fmt.Sprintf("%.4f .. %.4f", iv.Low, iv.High), fmt.Sprintf("%.4f", slices.Min(t.final)),
		"", s.share(iv.Estimate), fmt.Sprint(t.violations), fmt.Sprintf("%.1e", t.residual), s.relaxed(relaxed, []int{states}), s.amount(amount), "",
	}
	if steps > 0 {
		row[5], row[11] = fmt.Sprintf("%.4f", mean(t.sampled)), number(float64(steps)/seconds)
	}
	return row
}

// projected plays what the static version has learned, projected into the limits
// of every state.
func (s *side) projected(free *side) ([]string, error) {
	dim := free.task.problem.Spec().ObsDim
	all := s.task.problem.Spec().ObsDim
	var runs []*run
	for _, r := range free.runs[0] {
		if err := free.task.open(r, free.settings[0]); err != nil {
			return nil, err
		}
		inner := free.task.allocator(r, r.Rule)
		var seen []float64 // of an observation, what the static version shows
		a := envs.Within(s.task.problem.Spec().Polytope, func(s *envs.States, actions []float64) error {
			seen = seen[:0]
			for k := range s.Rows {
				seen = append(seen, s.Obs[k*all:k*all+dim]...)
			}
			return inner(&envs.States{Step: s.Step, Rows: s.Rows, Obs: seen}, actions)
		})
		x, o, err := s.task.play(a, s.task.episodes, finalSeed)
		if err != nil {
			return nil, err
		}
		p := &run{Final: x}
		p.note(o)
		runs = append(runs, p)
	}
	return s.trained("trained on the static version, projected", runs), nil
}

func (s *side) relaxed(count int, lengths []int) string {
	if staticOf[s.env] == "" {
		return ""
	}
	states := 0
	for _, n := range lengths {
		states += n
	}
	return fmt.Sprintf("%d of %d", count, states)
}

func (s *side) amount(x float64) string {
	if staticOf[s.env] == "" {
		return ""
	}
	return number(x)
}
