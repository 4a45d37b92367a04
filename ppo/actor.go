package ppo

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
	dim     int
	req     policy.Request
	out     policy.Samples
}

// NewActor returns an actor for observations of obsDim components.
func NewActor(backend policy.Backend, obsDim int) *Actor {
	return &Actor{backend: backend, dim: obsDim}
}

// Act samples one action for every row of obs, rows x dim. limits is nil or has
// one element a row; streams is not read where deterministic. The result is
// valid until the next call.
func (a *Actor) Act(obs []float64, limits []lp.Limits, streams []*rng.Stream, deterministic bool) (*policy.Samples, error) {
	a.req.Keep, a.req.Brief, a.req.Learn = false, false, false
	return a.ask(obs, limits, streams, deterministic)
}

// keep is Act for the rollout: the backend takes the observations into its
// statistics, holds the samples, as rows from at on, and need not return what
// only training reads.
func (a *Actor) keep(at int, obs []float64, limits []lp.Limits, streams []*rng.Stream) (*policy.Samples, error) {
	a.req.Keep, a.req.Brief, a.req.Learn, a.req.At = true, true, true, at
	return a.ask(obs, limits, streams, false)
}

func (a *Actor) ask(obs []float64, limits []lp.Limits, streams []*rng.Stream, deterministic bool) (*policy.Samples, error) {
	if len(obs)%a.dim != 0 {
		return nil, fmt.Errorf("an observation has %d components, not %d", a.dim, len(obs))
	}
	a.req.Obs, a.req.Rows = obs, len(obs)/a.dim
	a.req.Limits, a.req.Streams, a.req.Deterministic = limits, streams, deterministic
	if err := a.backend.Sample(&a.req, &a.out); err != nil {
		return nil, err
	}
	return &a.out, nil
}

// Allocator returns the policy in the form that baselines have: row r plays
// episode r. What it samples depends on seed and row; nothing is sampled where
// deterministic. It is for problems whose limits do not follow the state.
func (a *Actor) Allocator(deterministic bool, seed uint64) envs.Allocator {
	var streams []*rng.Stream
	return func(step int, obs []float64, rows int, actions []float64) error {
		if step == 0 {
			streams = streams[:0]
			for r := range rows {
				streams = append(streams, actionStream(seed, r))
			}
		}
		out, err := a.Act(obs, nil, streams, deterministic)
		if err != nil {
			return err
		}
		copy(actions, out.Actions)
		return nil
	}
}
