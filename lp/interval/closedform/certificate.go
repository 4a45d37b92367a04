package closedform

import (
	"fmt"

	"paspo/lp/internal/vec"
)

// certifyTol is the largest error of a reduced cost, relative to its terms.
const certifyTol = 1e-12

// Certify checks that every affine piece w is a feasible dual solution. With
// z_j >= 0, rho_k >= sum_j col_jk z_j for inequalities k and equal to it for
// equalities, w . rho bounds z_i from below for whatever limits where
//
//	w_k <= 0 for inequalities,  w . col_j <= [j = i] for j >= i, with equality where z_j is free,
//
// and from above with both signs turned. Rounding moves w . col_j by some units in
// the last place of its terms, and double description in floating point adds the
// errors of what a ray was combined from, which this tells.
func (f *Intervals) Certify() error {
	if f.Facets {
		return nil // facets have no multipliers
	}
	n := f.p.Dim()
	m := len(f.LimitRows) + len(f.Caps)
	check := func(w []float64, i, from int, sign float64) error {
		for k, v := range w[:m] {
			if sign*v > 0 {
				return fmt.Errorf("multiplier %d of %v has the wrong sign", k, w)
			}
		}
		for j := from; j < n; j++ {
			if f.Fixed[j] {
				continue
			}
			v, size := vec.DotScale(w, f.cols[j])
			if j == i {
				v--
			}
			if excess := sign * v; excess > certifyTol*max(1, size) || f.Free[j] && excess < -certifyTol*max(1, size) {
				return fmt.Errorf("reduced cost %g of entity %d", v, j)
			}
		}
		return nil
	}
	for i := f.done; i < n; i++ {
		e := &f.All[i]
		if f.Fixed[i] {
			continue
		}
		for w := e.Lower; len(w) > 0; w = w[e.Stride:] {
			if err := check(w[:e.Stride], i, i, 1); err != nil {
				return fmt.Errorf("lower endpoint of entity %d: %w", i, err)
			}
		}
		for w := e.Upper; len(w) > 0; w = w[e.Stride:] {
			if err := check(w[:e.Stride], i, i, -1); err != nil {
				return fmt.Errorf("upper endpoint of entity %d: %w", i, err)
			}
		}
	}
	// Rays have w . col_j <= 0 for all j, so that w . rho > 0 proves limits empty.
	for w := f.Rays; len(w) > 0; w = w[f.Size:] {
		if err := check(w[:f.Size], -1, 0, 1); err != nil {
			return fmt.Errorf("ray: %w", err)
		}
	}
	return nil
}
