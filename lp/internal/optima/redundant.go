package optima

import (
	"context"
	"fmt"
	"math"
	"slices"

	"paspo/lp/internal/program"
	"paspo/lp/internal/vec"
)

// RedundantTol is how far, scaled, a row may exceed its limit on all other
// constraints and still count as redundant: rounding.
const RedundantTol = 1e-11

// Redundant returns the indices of inequalities that follow from the other constraints, all at
// once. An error names the row.
func Redundant(ctx context.Context, p program.Form, rows []string, refusals Refusals, stage Stage) ([]int, error) {
	n := len(p.L)
	b := append([]float64(nil), p.B...)
	s := New(p)
	needed := make([]bool, len(b))
	if s != nil && len(b) > 2*n { // finding a point inside takes up to a program an entity
		tol := make([]float64, len(b))
		for k := range tol {
			tol[k] = 100 * RedundantTol * redundantScale(p, k) // rows that are closer take a program each
		}
		var err error
		if needed, err = s.Pierced(ctx, tol, stage); err != nil {
			return nil, err
		}
	}
	done := stage("redundant rows", len(b))
	var redundant []int
	for k := len(p.B) - 1; k >= 0; k-- {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		done(1)
		if needed[k] {
			continue
		}
		row := p.A[k*n : (k+1)*n]
		// The row itself stays, further out: the program remains bounded.
		scale := redundantScale(p, k)
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
			b[k] = p.B[k] + scale
			value, _, ok := leastExactly(p, c, b)
			if !ok {
				q := p
				q.B = b
				if _, value, err = q.Program(c).Optimum(); err != nil {
					return nil, fmt.Errorf("lp: largest value of row %s: %w", rows[k], refusals.Of(err, b))
				}
			}
			b[k], most = p.B[k], -value
		}
		if most <= p.B[k]+RedundantTol*scale {
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

// redundantScale is what RedundantTol is relative to.
func redundantScale(p program.Form, k int) float64 {
	n := len(p.L)
	return max(1, math.Abs(p.B[k]), vec.MaxAbs(p.A[k*n:(k+1)*n]))
}
