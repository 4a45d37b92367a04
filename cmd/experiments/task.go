package main

import (
	"context"

	"paspo/envs"
	"paspo/lp"
	"paspo/lp/interval"
	"paspo/policy"
	"paspo/policy/cpu"
	"paspo/policy/debias"
	"paspo/rl"
)

// task is a problem with what all its trainings share.
type task struct {
	problem  envs.Problem
	solver   lp.Solver
	fit      *policy.Fit
	episodes int // of an evaluation
}

const debiasSeed = 1

func newTask(p envs.Problem, _ string, intervals interval.Config, episodes int) (*task, error) {
	t := &task{problem: p, episodes: episodes}
	var err error
	if t.solver, err = interval.New(p.Spec().Polytope, intervals); err != nil {
		return nil, err
	}
	t.fit, err = debias.Fit(p.Spec().Polytope, t.solver, debias.DefaultConfig(), debiasSeed)
	return t, err
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

// score returns the mean return of a policy on the episodes of a seed.
func (t *task) score(r *run, rule policy.Rule, episodes int, seed uint64) (float64, error) {
	e, err := rl.Evaluate(context.Background(), t.problem, r.backend, rl.EvalOptions{Episodes: episodes, Seed: seed, Rule: rule})
	if err != nil {
		return 0, err
	}
	return e.Mean(), nil
}

func played(p envs.Problem, name string, episodes int, seed uint64) (reference, error) {
	a, err := envs.Uniform(p.Spec().Polytope, seed)
	if err != nil {
		return reference{}, err
	}
	x, o, err := play(p, a, 20*episodes, seed)
	return reference{name, x, o}, err
}
