package rl

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"paspo/envs"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/policy"
)

// Actor turns observations into allocations by the policy of a backend. It is used by one
// goroutine at a time.
type Actor struct {
	backend policy.Backend
	req     policy.Request
	out     policy.Samples
	streams []*rng.Stream // of Act, one a row
}

// NewActor returns an actor for the policy of a backend.
func NewActor(backend policy.Backend) *Actor { return &Actor{backend: backend} }

// checkFit returns an error where the polytope or the observations of a problem are not those
// of the policy.
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

// Act takes one action for every row of obs, which holds rows x ObsDim numbers. limits is nil or
// has one element a row. Under policy.Sampled every row draws from a stream of its own, whose seed
// is the next number of source, so that equal sources give equal actions. Other rules do not read
// source. The result is valid until the next call. Errors are those of policy.Backend.Sample, and
// of arguments that do not fit the policy.
func (a *Actor) Act(obs []float64, limits []lp.Limits, rule policy.Rule, source rand.Source) (*policy.Samples, error) {
	if rule != policy.Sampled {
		return a.act(obs, limits, nil, rule)
	}
	if source == nil {
		return nil, errors.New("actions are to be sampled, and there is no source of random numbers")
	}
	a.streams = a.streams[:0]
	for range len(obs) / a.backend.ObsDim() {
		a.streams = append(a.streams, rng.New(source.Uint64(), "act"))
	}
	return a.act(obs, limits, a.streams, rule)
}

func (a *Actor) act(obs []float64, limits []lp.Limits, streams []*rng.Stream, rule policy.Rule) (*policy.Samples, error) {
	a.req.Keep, a.req.Brief, a.req.Learn = false, false, false
	return a.sample(obs, limits, streams, rule)
}

// keep samples the actions of a step of the rollout. The backend adds the observations to its
// statistics and keeps the samples as rows from at on; it need not return what training alone
// reads.
func (a *Actor) keep(at int, obs []float64, limits []lp.Limits, streams []*rng.Stream) (*policy.Samples, error) {
	a.req.Keep, a.req.Brief, a.req.Learn, a.req.At = true, true, true, at
	return a.sample(obs, limits, streams, policy.Sampled)
}

func (a *Actor) sample(obs []float64, limits []lp.Limits, streams []*rng.Stream, rule policy.Rule) (*policy.Samples, error) {
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

// Allocator returns the policy as an allocator, as reference policies are. Row r plays episode r. Sampled
// actions are those of Evaluate with the same seed.
func (a *Actor) Allocator(rule policy.Rule, seed uint64) envs.Allocator {
	var streams []*rng.Stream
	return func(s *envs.States, dst []float64) error {
		if s.Step == 0 && rule == policy.Sampled {
			streams = streams[:0]
			for r := range s.Rows {
				streams = append(streams, actionStream(seed, r))
			}
		}
		if dim := a.backend.ObsDim(); len(s.Obs) != s.Rows*dim {
			return fmt.Errorf("an observation has %d components, those of the policy %d", len(s.Obs)/max(s.Rows, 1), dim)
		}
		out, err := a.act(s.Obs, s.Limits, streams, rule)
		if err != nil {
			return err
		}
		if len(out.Actions) != len(dst) {
			return fmt.Errorf("an action has %d entities, those of the policy %d", len(dst)/max(s.Rows, 1), a.backend.Polytope().Dim())
		}
		copy(dst, out.Actions)
		return nil
	}
}
