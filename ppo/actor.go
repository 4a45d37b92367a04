package ppo

import (
	"fmt"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/policy"
)

// Actor turns observations into allocations: it applies a normaliser as it is
// and asks a backend. It is used by one goroutine at a time.
type Actor struct {
	backend policy.Backend
	norm    *Normalizer
	req     policy.Request
	out     policy.Samples
}

// NewActor returns an actor. Neither argument is copied.
func NewActor(backend policy.Backend, norm *Normalizer) *Actor {
	return &Actor{backend: backend, norm: norm}
}

// Act samples one action for every row of obs, rows x dim. limits is nil or has
// one element a row; streams is not read where deterministic. The result is
// valid until the next call.
func (a *Actor) Act(obs []float64, limits []lp.Limits, streams []*rng.Stream, deterministic bool) (*policy.Samples, error) {
	dim := a.norm.Dim()
	if len(obs)%dim != 0 {
		return nil, fmt.Errorf("an observation has %d components, not %d", dim, len(obs))
	}
	if cap(a.req.Obs) < len(obs) {
		a.req.Obs = make([]float32, len(obs))
	}
	a.req.Obs = a.req.Obs[:len(obs)]
	if err := a.norm.Apply(a.req.Obs, obs); err != nil {
		return nil, err
	}
	a.req.Rows = len(obs) / dim
	a.req.Limits, a.req.Streams, a.req.Deterministic = limits, streams, deterministic
	if err := a.backend.Sample(&a.req, &a.out); err != nil {
		return nil, err
	}
	return &a.out, nil
}
