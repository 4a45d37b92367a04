package lp

import (
	"context"
	"slices"

	"paspo/lp/internal/optima"
)

// RedundantRows returns the indices of inequalities that follow from the other
// constraints: leaving all of them out at once does not change the polytope. Of
// rows that follow from each other, the first stays.
func RedundantRows(p *Polytope) ([]int, error) { return RedundantRowsContext(context.Background(), p) }

// RedundantRowsContext is RedundantRows until ctx ends.
func RedundantRowsContext(ctx context.Context, p *Polytope) ([]int, error) {
	if p.terms != nil {
		all, err := RedundantRowsContext(ctx, p.terms.lifted)
		return slices.DeleteFunc(all, func(k int) bool { return k >= len(p.form.B) }), err
	}
	p = p.Canonical()
	c := p.known
	c.Lock()
	defer c.Unlock()
	if c.redundant == nil {
		found, err := optima.Redundant(ctx, p.form, p.rowNames, refusals{p}, stages(ctx))
		if err != nil {
			return nil, err
		}
		c.redundant = &found
	}
	return slices.Clone(*c.redundant), nil
}
