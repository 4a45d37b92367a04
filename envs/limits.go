package envs

import (
	"fmt"
	"slices"

	"paspo/lp"
)

// Relaxer is implemented by environments that relax limits which no allocation satisfies.
type Relaxer interface {
	Limiter

	// Relaxation returns by how much the limits of the present state are relaxed, 0
	// where they are as stated.
	Relaxation() float64
}

// Names of limits: of right-hand sides of inequalities and equalities, of bounds, and of the
// matrix of the inequalities.
const (
	LimitB     = "b"
	LimitTotal = "total"
	LimitLower = "lower"
	LimitUpper = "upper"
	LimitA     = "A"

	LimitHoldings = "holdings" // that terms count from
)

// Fields returns the fields of limits by name.
func Fields(l *lp.Limits) map[string]*[]float64 {
	return map[string]*[]float64{LimitB: &l.B, LimitTotal: &l.F, LimitLower: &l.Lower, LimitUpper: &l.Upper, LimitA: &l.A, LimitHoldings: &l.Holdings}
}

// Follower is implemented by problems that know without an environment which of its limits
// follow the state.
type Follower interface {
	// Following returns their names, in order, each once.
	Following() []string
}

// Following returns the names of the limits of p that follow the state, in order; none
// where the environment is no Limiter.
func Following(p Problem) ([]string, error) {
	if f, ok := p.(Follower); ok {
		var names []string
		if err := Call(p, "Following", func() { names = f.Following() }); err != nil {
			return nil, err
		}
		for i, name := range names {
			if Fields(&lp.Limits{})[name] == nil || slices.Contains(names[:i], name) {
				return nil, fmt.Errorf("the problem %T: Following returned %q: names of limits, each once, are allowed", p, names)
			}
		}
		return names, nil
	}
	c, err := NewCopy(p, 0, EpisodeStream(0, 0))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var names []string
	if l := c.Limits(); l != nil {
		for name, f := range Fields(l) {
			if *f != nil {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names, nil
}

// ObservedLimits is implemented by problems whose limits follow from the
// observation alone. Whoever has the observation then has the limits: a trained policy that
// is deployed needs no others.
type ObservedLimits interface {
	// ObsLimiter returns a function that sets the limits of the state with the
	// given observation, nil where limits do not follow the state. The slices it
	// sets are read until its next call.
	ObsLimiter() ObsLimiter
}

// ObservedRelaxer is implemented by problems with ObservedLimits that know by how much limits
// are relaxed that an ObsLimiter of theirs has set.
type ObservedRelaxer interface {
	Problem
	ObservedLimits
	Relaxed(lim *lp.Limits) float64
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
	if !ok {
		return nil
	}
	none := false
	if err := Call(p, "ObsLimiter", func() { none = o.ObsLimiter() == nil }); err == nil && none {
		return nil // a panic is an error of Of
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
