package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
	"sync"
	"time"

	"paspo/baselines"
	"paspo/cmd/experiments/internal/convergence"
	"paspo/cmd/experiments/internal/output"
	"paspo/envs"
	"paspo/envs/synthetic"
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

// converge measures how many steps training takes to shares of the way from uniform
// actions to the best found, by the number of entities and rows. Every seed has its own
// polytope and reward.
func converge(ctx context.Context, out *output.Folder, o convergenceOptions) error {
	for _, s := range o.shares {
		if !(s > 0 && s < 1) {
			return fmt.Errorf("--shares has %g: numbers between 0 and 1 are allowed", s)
		}
	}
	res := &convergence.Results{Shares: o.shares, MostStep: o.steps}
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
				slices.SortStableFunc(res.Cells, func(a, b *convergence.Cell) int {
					return cmp.Or(a.Entities-b.Entities, a.Rows-b.Rows)
				})
				// What was measured so far is of use where the rest takes a night.
				if err := out.JSON("convergence", res); err != nil {
					return err
				}
			}
		}
	}
	return res.Show(out)
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
func convergenceSize(ctx context.Context, out *output.Folder, o convergenceOptions, seeds spec.Seeds, n, m int, settings []setting) ([]*convergence.Cell, error) {
	say := func(seed uint64, format string, args ...any) {
		out.Progress("%3d entities, %2d rows, seed %3d: %s", n, m, seed, fmt.Sprintf(format, args...))
	}
	polytopes, drawn, err := convergencePolytopes(n, m, seeds, say)
	var cells []*convergence.Cell
	for _, s := range settings {
		c := &convergence.Cell{Setting: s.name, Entities: n, Rows: m, Noise: make([]float64, len(drawn))}
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
	cfg.StepsPerEnv = convergence.Minibatches * cfg.Minibatch / cfg.Envs
	cfg.Steps, cfg.EvalEvery = int64(cfg.BatchSize()), 0
	l := &convergence.Gradients{Backend: b, Minibatch: cfg.Minibatch}
	t, err := rl.New(p.problem, b, l, cfg.Config, seed)
	if err != nil {
		return 0, err
	}
	defer t.Close()
	if _, err := t.Iterate(ctx); err != nil {
		return 0, err
	}
	return l.Noise(), nil
}
