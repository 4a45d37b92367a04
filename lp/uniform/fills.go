package uniform

import (
	"context"

	"paspo/lp"
	"paspo/lp/internal/optima"
	"paspo/lp/internal/tolerance"
)

// FlatWidth is the width, against max(1, largest coordinate), up to which a
// polytope counts as flat in a direction. It is the residual that points may
// have anyway.
const FlatWidth = tolerance.Flat

// fillsEqualities reports whether the polytope has a point that keeps clear of every
// inequality and bound, so that its stated equalities are all there are. It is false
// where that is not certain.
func fillsEqualities(ctx context.Context, p *lp.Polytope) (bool, error) {
	if p.HasTerms() {
		p = p.Lifted().Canonical()
	}
	s := optima.New(p.Form())
	if s == nil {
		return false, nil
	}
	x, err := s.Inside(ctx, func(name string, total int) func(int) { return lp.Stage(ctx, name, total) })
	return x != nil, err
}
