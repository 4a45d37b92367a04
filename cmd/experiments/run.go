package main

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"paspo/envs"
	"paspo/lp"
	"paspo/policy"
	"paspo/ppo"
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
	Final       *ppo.Evaluation // of the last policy's most likely action
	Sampled     *ppo.Evaluation // of the last policy's sampled actions
	Entropy     float64         // of the last iteration
	MaxResidual float64
	Violations  int
	Seconds     float64

	backend policy.Backend
	norm    *ppo.Normalizer
}

// task is a problem with what all its trainings share.
type task struct {
	problem envs.Problem
	solver  lp.Solver
	fit     *policy.Fit
	final   ppo.EvalOptions
}

func newTask(p envs.Problem, finalEpisodes int) (*task, error) {
	polytope := p.Spec().Polytope
	solver, err := lp.NewSolver(polytope, lp.DefaultSolverConfig())
	if err != nil {
		return nil, err
	}
	fit, err := policy.Debias(polytope, solver, policy.DefaultDebiasConfig(), debiasSeed)
	if err != nil {
		return nil, err
	}
	return &task{problem: p, solver: solver, fit: fit, final: ppo.EvalOptions{Episodes: finalEpisodes, Seed: finalSeed}}, nil
}

const (
	debiasSeed = 1
	finalSeed  = 1000 // of the episodes that settings are compared on
)

// train trains once and evaluates the last policy.
func (t *task) train(ctx context.Context, s setting, seed uint64, steps int64) (*run, error) {
	start := time.Now()
	fit := t.fit
	if s.plain {
		fit = nil
	}
	backend, err := policy.NewCPU(t.solver, t.problem.Spec().ObsDim, s.PPO.Minibatch, s.Policy, fit, seed)
	if err != nil {
		return nil, err
	}
	cfg := s.PPO
	cfg.Steps = steps
	trainer, err := ppo.New(t.problem, backend, cfg, seed)
	if err != nil {
		return nil, err
	}
	r := &run{Setting: s.name, Seed: seed, backend: backend, norm: trainer.Normalizer()}
	err = trainer.Run(ctx, ppo.Hooks{Iteration: func(m ppo.Metrics) error {
		r.MaxResidual = max(r.MaxResidual, m.MaxResidual)
		r.Violations += m.Violations
		r.Entropy = m.Entropy
		if m.Eval != nil {
			r.Curve = append(r.Curve, point{m.Step, m.Eval.Mean(), m.EvalSampled.Mean()})
		}
		return nil
	}})
	if err != nil {
		return nil, fmt.Errorf("%s, seed %d: %w", s.name, seed, err)
	}
	o := t.final
	if r.Sampled, err = ppo.Evaluate(ctx, t.problem, backend, r.norm, o); err != nil {
		return nil, err
	}
	o.Deterministic = true
	if r.Final, err = ppo.Evaluate(ctx, t.problem, backend, r.norm, o); err != nil {
		return nil, err
	}
	r.Violations += r.Final.Violations + r.Sampled.Violations
	r.MaxResidual = max(r.MaxResidual, r.Final.MaxResidual, r.Sampled.MaxResidual)
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
