package lp

import (
	"context"
	"fmt"
	"math"
	"slices"

	"paspo/lp/internal/optima"
	"paspo/lp/internal/vec"
)

// redundantTol is how far, scaled, a row may exceed its limit on all other
// constraints and still count as redundant: rounding.
const redundantTol = 1e-11

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
		found, err := p.findRedundant(ctx)
		if err != nil {
			return nil, err
		}
		c.redundant = &found
	}
	return slices.Clone(*c.redundant), nil
}

func (p *Polytope) findRedundant(ctx context.Context) ([]int, error) {
	n := p.Dim()
	b := append([]float64(nil), p.form.B...)
	s := optima.New(p.Form())
	needed := make([]bool, len(b))
	if s != nil && len(b) > 2*n { // finding a point inside takes up to a program an entity
		tol := make([]float64, len(b))
		for k := range tol {
			tol[k] = 100 * redundantTol * p.redundantScale(k) // rows that are closer take a program each
		}
		var err error
		if needed, err = s.Pierced(ctx, tol, func(name string, total int) func(int) { return Stage(ctx, name, total) }); err != nil {
			return nil, err
		}
	}
	done := Stage(ctx, "redundant rows", len(b))
	var redundant []int
	for k := len(p.form.B) - 1; k >= 0; k-- {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		done(1)
		if needed[k] {
			continue
		}
		row := p.form.A[k*n : (k+1)*n]
		// The row itself stays, further out: the program remains bounded.
		scale := p.redundantScale(k)
		most, ok := 0., false
		var err error
		if s != nil {
			most, ok = s.Beyond(k, scale)
		}
		if !ok {
			c := make([]float64, n)
			for j, v := range row {
				c[j] = -v
			}
			b[k] = p.form.B[k] + scale
			value, _, ok := p.leastExactly(c, b)
			if !ok {
				if _, value, err = p.Minimize(c, &Limits{B: b}); err != nil {
					return nil, fmt.Errorf("lp: largest value of row %s: %w", p.rowNames[k], err)
				}
			}
			b[k], most = p.form.B[k], -value
		}
		if most <= p.form.B[k]+redundantTol*scale {
			redundant = append(redundant, k)
			b[k] = math.Inf(1)
			if s != nil {
				s.Drop(k)
			}
		}
	}
	slices.Reverse(redundant)
	return redundant, nil
}

// redundantScale is what redundantTol is relative to.
func (p *Polytope) redundantScale(k int) float64 {
	n := p.Dim()
	return max(1, math.Abs(p.form.B[k]), vec.MaxAbs(p.form.A[k*n:(k+1)*n]))
}
