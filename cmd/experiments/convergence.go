package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"sync"
	"time"

	"paspo/baselines"
	"paspo/cmd/experiments/internal/output"
	"paspo/cmd/experiments/internal/powerlaw"
	"paspo/envs"
	"paspo/envs/synthetic"
	"paspo/internal/plots"
	"paspo/internal/rng"
	"paspo/internal/stats"
	"paspo/internal/sweep/spec"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/lp/interval"
	"paspo/policy"
	"paspo/policy/cpu"
	"paspo/policy/debias"
	"paspo/ppo"
	"paspo/rl"
)

type convergenceOptions struct {
	options
	grids  []convergenceGrid
	shares []float64 // of the way, to be reached
}

// convergenceGrid is the sizes that are measured with the same seeds and settings.
type convergenceGrid struct {
	entities, rows []int
	seeds          spec.Seeds
	only           string // the settings whose names match
}

// convergencePage is what docs/experiments/convergence shows. Where one training takes minutes there are
// fewer problems, and no plain weights.
var convergencePage = []convergenceGrid{
	{[]int{3, 6, 12, 24}, []int{0, 1, 2, 5, 10, 20}, seedsOf("1..5"), ""},
	{[]int{50, 100}, []int{0, 1, 2, 5}, seedsOf("1..5"), ""},
	{[]int{50}, []int{10}, seedsOf("1..3"), ""},
	{[]int{100}, []int{10}, seedsOf("1..3"), "^de-biased"},
	{[]int{50}, []int{20}, seedsOf("1..3"), "^de-biased"},
	{[]int{100}, []int{20}, seedsOf("1"), "^de-biased"},
}

// convergenceCell is what came of all problems of one size with one setting.
type convergenceCell struct {
	Setting        string
	Entities, Rows int       // 0 rows for the bare simplex
	Steps          [][]int64 // until each share was reached, one a problem that there is; 0 where it was not
	Noise          []float64 // of the first gradient, see firstGradient; 0 where it hides the mean
	Error          string    `json:",omitempty"` // why there are no problems of this size
}

// convergenceResults is the file of the experiment.
type convergenceResults struct {
	Shares   []float64 // of the way from uniform actions to the best found
	MostStep int64
	Cells    []*convergenceCell
}

// convergence measures how many steps training takes to shares of the way from uniform
// actions to the best found, by the number of entities and rows. Every seed has its own
// polytope and reward.
func convergence(ctx context.Context, out *output.Folder, o convergenceOptions) error {
	for _, s := range o.shares {
		if !(s > 0 && s < 1) {
			return fmt.Errorf("--shares has %g: numbers between 0 and 1 are allowed", s)
		}
	}
	res := &convergenceResults{Shares: o.shares, MostStep: o.steps}
	for _, g := range o.grids {
		settings, simplex, err := convergenceSettings()
		if err != nil {
			return err
		}
		if settings, simplex, err = chosen(g.only, settings, simplex); err != nil {
			return err
		}
		for _, n := range g.entities {
			for _, m := range g.rows {
				settings := settings
				if m == 0 {
					settings = simplex
				}
				cells, err := convergenceSize(ctx, out, o, g.seeds, n, m, settings)
				if err != nil {
					return fmt.Errorf("%d entities, %d rows: %w", n, m, err)
				}
				res.Cells = append(res.Cells, cells...)
				slices.SortStableFunc(res.Cells, func(a, b *convergenceCell) int {
					return cmp.Or(a.Entities-b.Entities, a.Rows-b.Rows)
				})
				// What was measured so far is of use where the rest takes a night.
				if err := out.JSON("convergence", res); err != nil {
					return err
				}
			}
		}
	}
	return showConvergence(out, res)
}

// convergenceSettings are the paper's numbers, whose learning rate and bonus stay what
// they are however long training may take: PASPO from both starts, with and without
// the mean of a group, and on the bare simplex PASPO beside PPO with a Dirichlet policy.
func convergenceSettings() (rows, simplex []setting, err error) {
	const plain = "debias.enabled=false"
	for _, s := range []struct {
		to      *[]setting
		name    string
		changes []string
	}{
		{&rows, "de-biased", nil},
		{&rows, "plain", []string{plain}},
		{&rows, "de-biased, group of 4", []string{"ppo.group=4"}},
		{&rows, "plain, group of 4", []string{plain, "ppo.group=4"}},
		{&simplex, "simplex, de-biased", nil},
		{&simplex, "simplex, Dirichlet", []string{"algo.name=ppo"}},
	} {
		c, err := paperWith(s.name, "synthetic", s.changes...)
		if err != nil {
			return nil, nil, err
		}
		*s.to = append(*s.to, c)
	}
	return rows, simplex, nil
}

// chosen leaves the settings whose names match a regular expression.
func chosen(only string, rows, simplex []setting) (r, s []setting, err error) {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return nil, nil, fmt.Errorf("--settings %q: %w", only, err)
	}
	other := func(s setting) bool { return !pattern.MatchString(s.name) }
	if rows, simplex = slices.DeleteFunc(rows, other), slices.DeleteFunc(simplex, other); len(rows)+len(simplex) == 0 {
		return nil, nil, fmt.Errorf("--settings %q names no setting", only)
	}
	return rows, simplex, nil
}

// convergenceSize trains all problems of one size with all settings.
func convergenceSize(ctx context.Context, out *output.Folder, o convergenceOptions, seeds spec.Seeds, n, m int, settings []setting) ([]*convergenceCell, error) {
	say := func(seed uint64, format string, args ...any) {
		out.Progress("%3d entities, %2d rows, seed %3d: %s", n, m, seed, fmt.Sprintf(format, args...))
	}
	polytopes, drawn, err := convergencePolytopes(n, m, seeds, say)
	var cells []*convergenceCell
	for _, s := range settings {
		c := &convergenceCell{Setting: s.name, Entities: n, Rows: m, Noise: make([]float64, len(drawn))}
		for range o.shares {
			c.Steps = append(c.Steps, make([]int64, len(drawn)))
		}
		cells = append(cells, c)
	}
	if err != nil {
		for _, c := range cells {
			c.Steps, c.Noise, c.Error = nil, nil, err.Error()
		}
		return cells, nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	free := make(chan struct{}, o.jobs)
	for j, seed := range drawn {
		if ctx.Err() != nil {
			break
		}
		begin := time.Now()
		p, err := newConvergenceProblem(polytopes[j], seed)
		if err != nil {
			cancel(fmt.Errorf("seed %d: %w", seed, err))
			break
		}
		say(seed, "uniform %.4g, best found %.4g, %.1f s", p.uniform, p.best, time.Since(begin).Seconds())
		for i, s := range settings {
			wg.Go(func() {
				free <- struct{}{}
				defer func() { <-free }()
				begin := time.Now()
				noise, err := p.firstGradient(ctx, s, seed)
				var steps []int64
				if err == nil {
					steps, err = p.steps(ctx, s, seed, o.steps, o.shares)
				}
				if err != nil {
					cancel(fmt.Errorf("%s, seed %d: %w", s.name, seed, err))
					return
				}
				say(seed, "%-22s steps %v, %.1f s", s.name, steps, time.Since(begin).Seconds())
				cells[i].Noise[j] = noise
				for k, x := range steps {
					cells[i].Steps[k][j] = x
				}
			})
		}
	}
	wg.Wait()
	return cells, context.Cause(ctx)
}

// convergencePolytopes draws what the problems of one size act in. Random rows of few entities may
// exclude all allocations, however often they are drawn: such a seed is left out, and it is an error where all are.
func convergencePolytopes(n, m int, all []uint64, say func(uint64, string, ...any)) (polytopes []*lp.Polytope, seeds []uint64, err error) {
	for _, seed := range all {
		p, e := constraints.Unconstrained(n)
		if m > 0 {
			p, e = constraints.GenerateRejection(n, m, seed)
		}
		if e != nil {
			say(seed, "no problem: %v", e)
			err = e
			continue
		}
		polytopes, seeds = append(polytopes, p), append(seeds, seed)
	}
	if len(seeds) > 0 {
		err = nil
	}
	return polytopes, seeds, err
}

// convergenceProblem is a random problem with what the share of the way is counted
// between.
type convergenceProblem struct {
	problem       *synthetic.Problem
	solver        lp.Solver
	fit           *policy.Fit // of de-biased starts
	uniform, best float64
}

func newConvergenceProblem(p *lp.Polytope, seed uint64) (*convergenceProblem, error) {
	problem, err := synthetic.New(synthetic.Config{Entities: p.Dim(), States: 2, Seed: seed, Polytope: p})
	if err != nil {
		return nil, err
	}
	solver, err := interval.New(p, interval.DefaultConfig())
	if err != nil {
		return nil, err
	}
	fit, err := debias.Fit(p, solver, debias.DefaultConfig(), 1)
	if err != nil {
		return nil, err
	}
	refs, err := references(problem, 200)
	if err != nil {
		return nil, err
	}
	return &convergenceProblem{problem, solver, fit, refs[0].mean, refs[1].mean}, nil
}

// begin makes the policy that training starts from, of any algorithm.
func (p *convergenceProblem) begin(s setting, seed uint64) (policy.Backend, error) {
	spec := p.problem.Spec()
	if s.Algo.Name != baselines.PASPO {
		return baselines.NewBackend(spec.Polytope, spec.ObsDim, s.Algo, s.Policy, seed)
	}
	fit := p.fit
	if !s.Debias.Enabled {
		fit = nil
	}
	b, err := cpu.New(p.solver, spec.ObsDim, s.PPO.Minibatch, s.Policy, fit, seed)
	if err != nil {
		return nil, err
	}
	b.SetThreads(1) // other cores have other trainings
	return b, nil
}

func trainerOf(problem envs.Problem, b policy.Backend, s setting, cfg ppo.Config, seed uint64) (*rl.Trainer, error) {
	if s.Algo.Name == baselines.PASPO {
		return ppo.New(problem, b, cfg, seed)
	}
	return baselines.New(problem, b, s.Algo, cfg, seed)
}

// steps trains until the deterministic action has gone every share of the way, and
// returns the steps that each took: 0 where the most that are allowed did not do.
func (p *convergenceProblem) steps(ctx context.Context, s setting, seed uint64, most int64, shares []float64) ([]int64, error) {
	b, err := p.begin(s, seed)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	cfg := s.PPO
	cfg.Steps, cfg.EvalEvery = most, 0
	t, err := trainerOf(p.problem, b, s, cfg, seed)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	steps := make([]int64, len(shares))
	for range cfg.Iterations() {
		m, err := t.Iterate(ctx)
		if err != nil {
			return nil, err
		}
		best := math.Inf(-1)
		for _, rule := range []policy.Rule{policy.Mean, policy.Mode} {
			// Nothing is drawn but actions: one episode of deterministic ones is all.
			e, err := rl.Evaluate(ctx, p.problem, b, rl.EvalOptions{Episodes: 1, Seed: finalSeed, Rule: rule})
			if err != nil {
				return nil, err
			}
			best = max(best, e.Mean())
		}
		for k, share := range shares {
			if steps[k] == 0 && best >= p.uniform+share*(p.best-p.uniform) {
				steps[k] = m.Step
			}
		}
		if !slices.Contains(steps, 0) {
			break
		}
	}
	return steps, nil
}

// firstGradient returns the variance of a minibatch's gradient of the surrogate before
// anything is learned, all components together, as a multiple of the squared norm of its
// mean: 0 where that is less than its noise.
func (p *convergenceProblem) firstGradient(ctx context.Context, s setting, seed uint64) (float64, error) {
	b, err := p.begin(s, seed)
	if err != nil {
		return 0, err
	}
	defer b.Close()
	cfg := s.PPO
	cfg.StepsPerEnv = minibatches * cfg.Minibatch / cfg.Envs
	cfg.Steps, cfg.EvalEvery = int64(cfg.BatchSize()), 0
	l := &gradients{backend: b, minibatch: cfg.Minibatch}
	t, err := rl.New(p.problem, b, l, cfg.Config, seed)
	if err != nil {
		return 0, err
	}
	defer t.Close()
	if _, err := t.Iterate(ctx); err != nil {
		return 0, err
	}
	return l.noise(), nil
}

// minibatches is how many a first gradient is taken from: where its noise is larger, it
// hides the mean of all.
const minibatches = 64

// gradients is a learner that learns nothing: it takes the gradients of minibatches of
// one rollout.
type gradients struct {
	backend   policy.Backend
	minibatch int
	all       [][]float64
}

func (*gradients) Streams() []*rng.Stream { return nil }
func (*gradients) Facts() []rl.Fact       { return nil }
func (*gradients) Scheduled() bool        { return false }

// Learn implements rl.Learner. A first moment of Adam that forgets all at once is the
// gradient, and so small a learning rate leaves the parameters as they are.
func (g *gradients) Learn(_ context.Context, r *rl.Rollout, _ float64, _ *rl.Metrics) error {
	mean, std := stats.MeanStd(r.Advantages)
	for i, a := range r.Advantages {
		r.Batch.Advantage[i] = float32((a - mean) / (std + stats.VarianceFloor))
	}
	if err := g.backend.Load(&r.Batch); err != nil {
		return err
	}
	rows := make([]int32, g.minibatch)
	for at := 0; at < r.Batch.Rows; at += g.minibatch {
		for i := range rows {
			rows[i] = int32(at + i)
		}
		if err := g.backend.Step(rows, policy.Settings{LearningRate: 1e-30, Clip: 1, Beta2: 0.5, Epsilon: 1}); err != nil {
			return err
		}
		state, err := g.backend.State()
		if err != nil {
			return err
		}
		var all []float64
		for _, t := range state.M {
			for _, x := range t.Data {
				all = append(all, float64(x))
			}
		}
		g.all = append(g.all, all)
	}
	return nil
}

// noise is the sum of the variances over the sum of the squared means, which the noise
// of the means is taken off.
func (g *gradients) noise() float64 {
	n := float64(len(g.all))
	var variance, square float64
	for k := range g.all[0] {
		var m stats.Running
		for _, x := range g.all {
			m.Add(x[k])
		}
		v := m.M2 / (n - 1)
		variance += v
		square += m.Mean*m.Mean - v/n
	}
	if square <= 0 {
		return 0
	}
	return variance / square
}

// showConvergence writes tables and plots.
func showConvergence(out *output.Folder, res *convergenceResults) error {
	head := []string{"entities", "rows", "setting"}
	for _, share := range res.Shares {
		head = append(head, "reached "+output.Percent(share), "median of the steps", "95 % over problems")
	}
	table := [][]string{append(head, "noise of the first gradient, median")}
	exponents := [][]string{{"to", "setting", "sizes with a median", "exponent of the entities", "95 %", "of the rows", "95 %"}}
	noise := plots.Chart{Title: "noise of the first gradient", XLabel: "entities", YLabel: "variance over the square of the mean", LogX: true, LogY: true}
	var names []string
	for _, c := range res.Cells {
		if !slices.Contains(names, c.Setting) {
			names = append(names, c.Setting)
		}
		table = append(table, c.row(len(res.Shares)))
	}
	for k, share := range res.Shares {
		plot := plots.Chart{
			Title: fmt.Sprintf("to %s of the way", output.Percent(share)), XLabel: "entities", YLabel: "median of the environment steps", LogX: true, LogY: true,
		}
		var beyond []plots.Curve // one above the other
		for _, name := range names {
			var cells []powerlaw.Cell
			ended := 0
			stepsBy, noiseBy := map[int][]float64{}, map[int][]float64{} // the entities, of all numbers of rows
			for _, c := range res.Cells {
				if c.Setting != name || c.Error != "" {
					continue
				}
				values := known(c.Steps[k])
				cells = append(cells, powerlaw.Cell{Sizes: []float64{float64(c.Entities), float64(max(1, c.Rows))}, Values: values})
				if !math.IsInf(powerlaw.Median(values), 0) {
					ended++
				}
				stepsBy[c.Entities], noiseBy[c.Entities] = append(stepsBy[c.Entities], values...), append(noiseBy[c.Entities], known(c.Noise)...)
			}
			reached, others := medians(name, stepsBy, float64(res.MostStep)*math.Pow(1.08, float64(1+len(beyond))))
			plot.Curves, beyond = append(plot.Curves, reached), append(beyond, others)
			if k == 0 {
				told, _ := medians(name, noiseBy, 0)
				noise.Curves = append(noise.Curves, told)
			}
			row := []string{output.Percent(share), name, fmt.Sprintf("%d of %d", ended, len(cells))}
			for _, iv := range powerlaw.Exponents(cells, 0.95, rng.New(1, "experiments", "convergence", name)) {
				row = append(row, exponentCells(iv)...)
			}
			exponents = append(exponents, row)
		}
		plot.Curves = append(plot.Curves, beyond...)
		plot.Levels = []plots.Level{{Name: fmt.Sprintf("above it: no median within %d steps", res.MostStep), Y: float64(res.MostStep)}}
		if err := out.Plot(fmt.Sprintf("convergence-%.0f", 100*share), plot); err != nil {
			return err
		}
	}
	if err := out.Plot("gradient", noise); err != nil {
		return err
	}
	if err := out.Table("exponents", exponents); err != nil {
		return err
	}
	return out.Table("convergence", table)
}

// medians is a curve of medians by a size, where there are any, and in its colour marks at a height
// of the sizes that have none.
func medians(name string, by map[int][]float64, height float64) (some, none plots.Curve) {
	some, none = plots.Curve{Name: name, Points: true}, plots.Curve{Like: name, Dots: true}
	for _, n := range slices.Sorted(maps.Keys(by)) {
		to, y := &some, powerlaw.Median(by[n])
		if math.IsInf(y, 0) {
			to, y = &none, height
		}
		to.X, to.Y = append(to.X, float64(n)), append(to.Y, y)
	}
	return some, none
}

// known puts +Inf in the place of what is not known.
func known[T int64 | float64](xs []T) []float64 {
	var all []float64
	for _, x := range xs {
		y := float64(x)
		if x == 0 {
			y = math.Inf(1)
		}
		all = append(all, y)
	}
	return all
}

// row is that of the table.
func (c *convergenceCell) row(shares int) []string {
	row := []string{fmt.Sprint(c.Entities), fmt.Sprint(c.Rows), c.Setting}
	if c.Error != "" {
		return append(append(row, "no problem: "+c.Error), make([]string, 3*shares)...)
	}
	for k := range shares {
		values := known(c.Steps[k])
		reached := 0
		for _, s := range c.Steps[k] {
			if s > 0 {
				reached++
			}
		}
		median := stats.Bootstrap(len(values), 0.95, rng.New(1, "experiments", "convergence", "median"), func(idx []int) float64 {
			var some []float64
			for _, i := range idx {
				some = append(some, values[i])
			}
			return min(powerlaw.Median(some), math.MaxFloat64) // a resample where half did not end is a slow one
		})
		row = append(row, fmt.Sprintf("%d of %d", reached, len(values)), stepsCell(median.Estimate), output.Range(median, stepsCell))
	}
	if x := powerlaw.Median(known(c.Noise)); !math.IsInf(x, 0) {
		return append(row, output.Number(x))
	}
	return append(row, fmt.Sprintf("above %d", minibatches))
}

// stepsCell writes a number of steps for a table.
func stepsCell(x float64) string {
	if x > rl.MaxSteps {
		return "more"
	}
	return fmt.Sprintf("%.0f", x)
}

// exponentCells writes an exponent with its interval, where there is one.
func exponentCells(iv stats.Interval) []string {
	if math.IsNaN(iv.Estimate) {
		return []string{"", ""}
	}
	write := func(x float64) string { return fmt.Sprintf("%.2f", x) }
	return []string{write(iv.Estimate), output.Range(iv, write)}
}
