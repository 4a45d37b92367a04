package rl

import (
	"fmt"

	"paspo/envs"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/policy"
)

// Actor turns observations into allocations: it asks a backend, whose normaliser
// is applied. It is used by one goroutine at a time.
type Actor struct {
	backend policy.Backend
	req     policy.Request
	out     policy.Samples
}

// NewActor returns an actor that asks a backend.
func NewActor(backend policy.Backend) *Actor { return &Actor{backend: backend} }

// checkFit returns an error that says in what a problem differs from the one that
// a backend's policy is for.
func checkFit(s *envs.Spec, b policy.Backend) error {
	if err := s.Validate(); err != nil {
		return err
	}
	if d := s.Polytope.Difference(b.Polytope()); d != "" {
		return fmt.Errorf("the polytope of problem %q is not that of the policy: %s", s.Name, d)
	}
	if d := b.ObsDim(); d != s.ObsDim {
		return fmt.Errorf("observations of problem %q have %d components, those of the policy %d", s.Name, s.ObsDim, d)
	}
	return nil
}

// Act samples one action for every row of obs, rows x dim. limits is nil or has
// one element a row; streams is read where the rule samples. The result is valid
// until the next call.
func (a *Actor) Act(obs []float64, limits []lp.Limits, streams []*rng.Stream, rule policy.Rule) (*policy.Samples, error) {
	a.req.Keep, a.req.Brief, a.req.Learn = false, false, false
	return a.ask(obs, limits, streams, rule)
}

// keep is Act for the rollout: the backend takes the observations into its
// statistics, holds the samples, as rows from at on, and need not return what
// only training reads.
func (a *Actor) keep(at int, obs []float64, limits []lp.Limits, streams []*rng.Stream) (*policy.Samples, error) {
	a.req.Keep, a.req.Brief, a.req.Learn, a.req.At = true, true, true, at
	return a.ask(obs, limits, streams, policy.Sampled)
}

func (a *Actor) ask(obs []float64, limits []lp.Limits, streams []*rng.Stream, rule policy.Rule) (*policy.Samples, error) {
	dim := a.backend.ObsDim()
	if len(obs)%dim != 0 {
		return nil, fmt.Errorf("an observation has %d components, not %d", dim, len(obs))
	}
	a.req.Obs, a.req.Rows = obs, len(obs)/dim
	a.req.Limits, a.req.Streams, a.req.Rule = limits, streams, rule
	if err := a.backend.Sample(&a.req, &a.out); err != nil {
		return nil, err
	}
	return &a.out, nil
}

// Allocator returns the policy in the form that baselines have: row r plays
// episode r, and where the rule samples it does so from the r-th child of actions,
// which is not modified. Limits of p that follow the state are those of the
// observation.
func (a *Actor) Allocator(p envs.Problem, rule policy.Rule, actions *rng.Stream) envs.Allocator {
	limits := envs.NewRowLimits(p)
	var streams []*rng.Stream
	return func(step int, obs []float64, rows int, dst []float64) error {
		if step == 0 && rule == policy.Sampled {
			streams = streams[:0]
			for r := range rows {
				streams = append(streams, actions.Split(uint64(r)))
			}
		}
		if dim := a.backend.ObsDim(); len(obs) != rows*dim {
			return fmt.Errorf("an observation has %d components, those of the policy %d", len(obs)/max(rows, 1), dim)
		}
		lims, err := limits.Of(obs, rows)
		if err != nil {
			return err
		}
		out, err := a.Act(obs, lims, streams, rule)
		if err != nil {
			return err
		}
		if len(out.Actions) != len(dst) {
			return fmt.Errorf("an action has %d entities, those of the policy %d", len(dst)/max(rows, 1), a.backend.Polytope().Dim())
		}
		copy(dst, out.Actions)
		return nil
	}
}
