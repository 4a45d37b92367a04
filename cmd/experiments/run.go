package main

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"paspo/envs"
	"paspo/envs/portfolio"
	"paspo/internal/run/agent"
	"paspo/internal/run/config"
	"paspo/lp"
	"paspo/lp/interval"
	"paspo/policy"
	"paspo/policy/cpu"
	"paspo/policy/debias"
	"paspo/ppo"
	"paspo/rl"
)

// point is one evaluation during training.
type point struct {
	Step          int64
	Mode, Sampled float64 // mean returns of deterministic and of sampled actions
}

// run is one training.
type run struct {
	Setting      string
	Seed         uint64
	Curve        []point
	Rule         policy.Rule // of the last policy's deterministic actions, which other episodes chose
	Final        float64     // their mean return
	Means, Modes float64     // that of either rule
	Sampled      float64     // and of sampled actions
	Entropy      float64     // of the last iteration
	MaxResidual  float64
	Violations   int
	Seconds      float64

	Steps        int64   // of the training
	TrainSeconds float64 // without evaluations

	// Of limits that follow the state, in training and evaluations.
	States, Relaxed int
	MaxRelaxation   float64 // in evaluations

	backend policy.Backend // nil once it is saved
	saved   string         // the checkpoint of the last policy
}

// task is a problem with what all its trainings share.
type task struct {
	what     string // it is, beside what its polytope and the settings say
	problem  envs.Problem
	solver   lp.Solver
	fit      *policy.Fit
	fitted   debias.Config // what fit is of
	episodes int           // that last policies are compared on

	curveEpisodes int // of an evaluation during training, the first of those
}

func newTask(p envs.Problem, what string, intervals interval.Config, episodes int) (*task, error) {
	solver, err := interval.New(p.Spec().Polytope, intervals)
	if err != nil {
		return nil, err
	}
	return newTaskOn(p, what, solver, debias.DefaultConfig(), episodes)
}

func newTaskOn(p envs.Problem, what string, solver lp.Solver, start debias.Config, episodes int) (*task, error) {
	t := &task{what: what, problem: p, solver: solver, fitted: start, episodes: episodes, curveEpisodes: curveEpisodes}
	if !start.Enabled {
		return t, nil
	}
	var err error
	t.fit, err = debias.Fit(p.Spec().Polytope, solver, start, debiasSeed)
	return t, err
}

// taskOf makes the task that a configuration describes.
func taskOf(c *config.Config, episodes int) (*task, error) {
	a, err := agent.New(c)
	if err != nil {
		return nil, err
	}
	start, err := a.DebiasConfig()
	if err != nil {
		return nil, err
	}
	return newTaskOn(a.Problem, "", a.Solver, start, episodes)
}

const (
	debiasSeed    = 1
	finalSeed     = 1000 // of the episodes that settings are compared on
	curveSeed     = 1001 // that curves show
	choiceSeed    = 1002 // that choose the rule of deterministic actions
	curveEpisodes = 100
)

// play plays an allocator on the episodes of a seed and returns its mean return: on the
// portfolio its expectation under the filter, which has the same mean and a fraction
// of the noise.
func (t *task) play(a envs.Allocator, episodes int, seed uint64) (float64, *envs.Outcome, error) {
	if p, ok := t.problem.(*portfolio.Problem); ok {
		out, err := p.PlayPaths(p.SimulatedPaths(episodes, seed), a)
		if err != nil {
			return 0, nil, err
		}
		return mean(out.Expected), out, nil
	}
	out, err := envs.Play(t.problem, a, episodes, maxSteps, seed)
	if err != nil {
		return 0, nil, err
	}
	return mean(out.Returns), out, nil
}

// allocator is the policy of a run, within the limits of every state.
func (t *task) allocator(r *run, rule policy.Rule) envs.Allocator {
	return rl.NewActor(r.backend).Allocator(rule, finalSeed)
}

// note adds what was seen of constraints.
func (r *run) note(o *envs.Outcome) {
	r.MaxResidual = max(r.MaxResidual, o.MaxResidual)
	r.Violations += o.Violations
	for _, n := range o.Lengths {
		r.States += n
	}
	r.Relaxed += o.Relaxed
	r.MaxRelaxation = max(r.MaxRelaxation, o.MaxRelaxation)
}

// score returns the mean return of a policy on the episodes of a seed.
func (t *task) score(r *run, rule policy.Rule, episodes int, seed uint64) (float64, error) {
	_, prices := t.problem.(*portfolio.Problem)
	_, follows := t.problem.(envs.ObservedLimits)
	if prices || follows && envs.NewRowLimits(t.problem) != nil {
		x, out, err := t.play(t.allocator(r, rule), episodes, seed)
		if err == nil {
			r.note(out)
		}
		return x, err
	}
	o := rl.EvalOptions{Episodes: episodes, Seed: seed, Rule: rule}
	e, err := rl.Evaluate(context.Background(), t.problem, r.backend, o)
	if err != nil {
		return 0, err
	}
	r.MaxResidual = max(r.MaxResidual, e.MaxResidual)
	r.Violations += e.Violations
	return e.Mean(), nil
}

// choose sets the rule of a run's deterministic actions: that of the configuration, or
// the better one on the episodes that choose.
func (t *task) choose(r *run, c rl.Config, episodes int) error {
	if c.DeterministicAction != rl.ActionAuto {
		r.Rule = c.Rule(policy.Sampled)
		return nil
	}
	best := math.Inf(-1)
	for _, rule := range []policy.Rule{policy.Mean, policy.Mode} {
		x, err := t.score(r, rule, episodes, choiceSeed)
		if err != nil {
			return err
		}
		if x > best {
			r.Rule, best = rule, x
		}
	}
	return nil
}

// start makes the policy that training starts from.
func (t *task) start(s setting, seed uint64) (policy.Backend, error) {
	fit := t.fit
	if s.plain {
		fit = nil
	}
	b, err := cpu.New(t.solver, t.problem.Spec().ObsDim, s.PPO.Minibatch, s.Policy, fit, seed)
	if err != nil {
		return nil, err
	}
	b.SetThreads(1) // other cores have other trainings
	return b, nil
}

// train trains once and evaluates the last policy, or returns the training where
// it is kept.
func (t *task) train(ctx context.Context, k kept, s setting, seed uint64, steps int64) (*run, error) {
	name, err := k.name(t, s, seed, steps)
	if err != nil {
		return nil, err
	}
	if r, err := k.load(name); r != nil || err != nil {
		if r != nil {
			r.Setting = s.name
		}
		return r, err
	}
	start := time.Now()
	backend, err := t.start(s, seed)
	if err != nil {
		return nil, err
	}
	cfg := s.PPO
	cfg.Steps, cfg.EvalEvery = steps, 0
	trainer, err := ppo.New(t.problem, backend, cfg, seed)
	if err != nil {
		return nil, err
	}
	if center := t.fitted.Center; center != nil && trainer.Limited() {
		if err := trainer.StartAround(center, t.fitted.Spread, cfg.Minibatch); err != nil {
			return nil, err
		}
	}
	r := &run{Setting: s.name, Seed: seed, backend: backend}
	err = trainer.Run(ctx, rl.Hooks{Iteration: func(m rl.Metrics) error {
		r.MaxResidual = max(r.MaxResidual, m.MaxResidual)
		r.Violations += m.Violations
		r.Entropy = m.Entropy
		r.Steps, r.TrainSeconds = m.Step, r.TrainSeconds+m.RolloutSeconds+m.UpdateSeconds
		if m.Relaxed >= 0 {
			r.States, r.Relaxed = r.States+cfg.BatchSize(), r.Relaxed+int(m.Relaxed)
		}
		if every := s.PPO.EvalEvery; every == 0 || m.Iteration%every != 0 && m.Iteration != cfg.Iterations() {
			return nil
		}
		if err := t.choose(r, cfg.Config, t.curveEpisodes); err != nil {
			return err
		}
		fixed, err := t.score(r, r.Rule, t.curveEpisodes, curveSeed)
		if err != nil {
			return err
		}
		sampled, err := t.score(r, policy.Sampled, t.curveEpisodes, curveSeed)
		r.Curve = append(r.Curve, point{m.Step, fixed, sampled})
		return err
	}})
	if err != nil {
		return nil, fmt.Errorf("%s, seed %d: %w", s.name, seed, err)
	}
	if err := t.choose(r, cfg.Config, t.episodes); err != nil {
		return nil, err
	}
	for rule, to := range map[policy.Rule]*float64{policy.Mean: &r.Means, policy.Mode: &r.Modes, policy.Sampled: &r.Sampled} {
		if *to, err = t.score(r, rule, t.episodes, finalSeed); err != nil {
			return nil, err
		}
	}
	if r.Final = r.Means; r.Rule == policy.Mode {
		r.Final = r.Modes
	}
	r.Seconds = time.Since(start).Seconds()
	trainer.Close()
	return r, k.save(name, r, trainer.Checkpoint())
}

// totals are what the trainings of a setting come to.
type totals struct {
	final, sampled []float64
	violations     int
	residual       float64
	seconds        float64 // of one
}

func over(runs []*run) totals {
	t := totals{residual: math.Inf(-1)}
	for _, r := range runs {
		t.final, t.sampled = append(t.final, r.Final), append(t.sampled, r.Sampled)
		t.violations, t.residual = t.violations+r.Violations, max(t.residual, r.MaxResidual)
		t.seconds += r.Seconds / float64(len(runs))
	}
	return t
}

// open makes the policy of a run that was kept.
func (t *task) open(r *run, s setting) error {
	if r.backend != nil {
		return nil
	}
	c, err := rl.ReadCheckpoint(r.saved)
	if err != nil {
		return err
	}
	b, err := t.start(s, r.Seed)
	if err != nil {
		return err
	}
	r.backend = b
	return b.SetState(c.Policy)
}

// trainAll trains every setting on its task with every seed, some trainings at a
// time, and calls report as each ends. Runs are returned by setting and seed.
func trainAll(ctx context.Context, o options, tasks []*task, settings []setting, report func(*run)) ([][]*run, error) {
	runs := make([][]*run, len(settings))
	for i := range settings {
		runs[i] = make([]*run, len(o.seeds))
	}
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(o.jobs)
	for k, seed := range o.seeds {
		for i, s := range settings {
			g.Go(func() error {
				r, err := tasks[i].train(ctx, o.kept, s, seed, o.steps)
				if err != nil {
					return err
				}
				mu.Lock()
				defer mu.Unlock()
				runs[i][k] = r
				report(r)
				return nil
			})
		}
	}
	return runs, g.Wait()
}
