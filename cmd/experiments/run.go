package main

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"paspo/envs"
	"paspo/envs/portfolio"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/policy"
	"paspo/policy/cpu"
	"paspo/policy/debias"
	"paspo/ppo"
	"paspo/rl"
)

// point is one evaluation during training.
type point struct {
	Step          int64
	Mode, Sampled float64 // mean returns of the most likely and of sampled actions
}

// run is one training.
type run struct {
	Setting     string
	Seed        uint64
	Curve       []point
	Final       float64 // mean return of the last policy's most likely action
	Sampled     float64 // and of its sampled actions
	Entropy     float64 // of the last iteration
	MaxResidual float64
	Violations  int
	Seconds     float64

	Steps        int64   // of the training
	TrainSeconds float64 // without evaluations

	// Of limits that follow the state, in training and evaluations.
	States, Relaxed int
	MaxRelaxation   float64 // in evaluations

	backend policy.Backend
}

// task is a problem with what all its trainings share.
type task struct {
	problem  envs.Problem
	solver   lp.Solver
	fit      *policy.Fit
	episodes int // that last policies are compared on

	curveEpisodes int // of an evaluation during training, the first of those
}

func newTask(p envs.Problem, intervals lp.SolverConfig, episodes int) (*task, error) {
	polytope := p.Spec().Polytope
	solver, err := lp.NewSolver(polytope, intervals)
	if err != nil {
		return nil, err
	}
	fit, err := debias.Fit(polytope, solver, debias.DefaultConfig(), debiasSeed)
	if err != nil {
		return nil, err
	}
	return &task{problem: p, solver: solver, fit: fit, episodes: episodes, curveEpisodes: curveEpisodes}, nil
}

const (
	debiasSeed    = 1
	finalSeed     = 1000 // of the episodes that settings are compared on
	curveEpisodes = 100
)

// play plays an allocator and returns its mean return: on the portfolio its
// expectation under the filter, which has the same mean and a fraction of the noise.
func (t *task) play(a envs.Allocator, episodes int) (float64, *envs.Outcome, error) {
	if p, ok := t.problem.(*portfolio.Problem); ok {
		out, err := p.PlayPaths(p.SimulatedPaths(episodes, finalSeed), a)
		if err != nil {
			return 0, nil, err
		}
		return mean(out.Expected), &out.Outcome, nil
	}
	out, err := envs.Play(t.problem, a, episodes, maxSteps, finalSeed)
	if err != nil {
		return 0, nil, err
	}
	return mean(out.Returns), out, nil
}

// allocator is the policy of a run, within the limits of every state.
func (t *task) allocator(r *run, deterministic bool) envs.Allocator {
	actions := rng.New(finalSeed, "eval", "action")
	if deterministic {
		actions = nil
	}
	return rl.NewActor(r.backend).Allocator(t.problem, actions)
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

// score returns the mean return of a policy.
func (t *task) score(r *run, deterministic bool, episodes int) (float64, error) {
	_, prices := t.problem.(*portfolio.Problem)
	_, follows := t.problem.(envs.ObservedLimits)
	if prices || follows && envs.NewRowLimits(t.problem) != nil {
		x, out, err := t.play(t.allocator(r, deterministic), episodes)
		if err == nil {
			r.note(out)
		}
		return x, err
	}
	o := rl.EvalOptions{Episodes: episodes, Seed: finalSeed, Deterministic: deterministic}
	e, err := rl.Evaluate(context.Background(), t.problem, r.backend, o)
	if err != nil {
		return 0, err
	}
	r.MaxResidual = max(r.MaxResidual, e.MaxResidual)
	r.Violations += e.Violations
	return e.Mean(), nil
}

// train trains once and evaluates the last policy.
func (t *task) train(ctx context.Context, s setting, seed uint64, steps int64) (*run, error) {
	start := time.Now()
	fit := t.fit
	if s.plain {
		fit = nil
	}
	backend, err := cpu.New(t.solver, t.problem.Spec().ObsDim, s.PPO.Minibatch, s.Policy, fit, seed)
	if err != nil {
		return nil, err
	}
	cfg := s.PPO
	cfg.Steps, cfg.EvalEvery = steps, 0
	trainer, err := ppo.New(t.problem, backend, cfg, seed)
	if err != nil {
		return nil, err
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
		if m.Iteration%s.PPO.EvalEvery != 0 && m.Iteration != cfg.Iterations() {
			return nil
		}
		mode, err := t.score(r, true, t.curveEpisodes)
		if err != nil {
			return err
		}
		sampled, err := t.score(r, false, t.curveEpisodes)
		r.Curve = append(r.Curve, point{m.Step, mode, sampled})
		return err
	}})
	if err != nil {
		return nil, fmt.Errorf("%s, seed %d: %w", s.name, seed, err)
	}
	if r.Final, err = t.score(r, true, t.episodes); err != nil {
		return nil, err
	}
	if r.Sampled, err = t.score(r, false, t.episodes); err != nil {
		return nil, err
	}
	r.Seconds = time.Since(start).Seconds()
	return r, nil
}

// trainAll trains every setting with every seed, one training a core, and calls
// report as each ends. Runs are returned by setting and seed.
func (t *task) trainAll(ctx context.Context, settings []setting, seeds int, steps int64, report func(*run)) ([][]*run, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	runs := make([][]*run, len(settings))
	type job struct{ setting, seed int }
	jobs := make(chan job)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for i := range settings {
		runs[i] = make([]*run, seeds)
	}
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for j := range jobs {
				r, err := t.train(ctx, settings[j.setting], uint64(j.seed+1), steps)
				mu.Lock()
				switch {
				case err == nil:
					runs[j.setting][j.seed] = r
					report(r)
				case failed == nil:
					failed = err
					cancel()
				}
				mu.Unlock()
			}
		})
	}
	for seed := range seeds {
		for i := range settings {
			jobs <- job{i, seed}
		}
	}
	close(jobs)
	wg.Wait()
	return runs, failed
}
