package envs

import (
	"fmt"

	"paspo/lp"
)

// Relaxer is implemented by environments that relax limits which leave nothing.
type Relaxer interface {
	Limiter

	// Relaxation returns by how much the limits of the present state are relaxed, 0
	// where they are as stated.
	Relaxation() float64
}

// ObservedLimits is implemented by problems whose limits follow from the
// observation alone. Whoever has the observation then has the limits: a baseline,
// or a trained policy that is deployed.
type ObservedLimits interface {
	// ObsLimiter returns a function that sets the limits of the state with the
	// given observation, nil where limits do not follow the state. The slices it
	// sets are read until its next call.
	ObsLimiter() ObsLimiter
}

// ObsLimiter sets limits from an observation. It is called by one goroutine at
// a time.
type ObsLimiter func(obs []float64, lim *lp.Limits)

// RowLimits computes the limits of observations that come in rows.
type RowLimits struct {
	p      *lp.Polytope
	more   func() ObsLimiter
	each   []ObsLimiter
	limits []lp.Limits
	obs    []float64 // of one row, the limiter's own
}

// NewRowLimits returns nil where the limits of p do not follow from observations.
func NewRowLimits(p Problem) *RowLimits {
	o, ok := p.(ObservedLimits)
	if !ok || o.ObsLimiter() == nil {
		return nil
	}
	return &RowLimits{p: p.Spec().Polytope, more: o.ObsLimiter}
}

// Of returns the limits of every row of obs, valid until the next call; nil of a
// nil r. An error names the row whose limits are none (see lp.Polytope.CheckLimits),
// or where the problem's function panicked.
func (r *RowLimits) Of(obs []float64, rows int) ([]lp.Limits, error) {
	if r == nil {
		return nil, nil
	}
	dim := len(obs) / max(rows, 1)
	for i := range rows {
		_, err := guarded(func() {
			if len(r.each) == i {
				r.each, r.limits = append(r.each, r.more()), append(r.limits, lp.Limits{})
			}
			r.limits[i] = lp.Limits{}
			r.obs = append(r.obs[:0], rowOf(obs, i, dim)...)
			r.each[i](r.obs[:dim:dim], &r.limits[i])
		})
		if err == nil {
			err = r.p.CheckLimits(&r.limits[i])
		}
		if err != nil {
			return nil, fmt.Errorf("limits of the observation in row %d: %w", i, err)
		}
	}
	return r.limits[:rows], nil
}
