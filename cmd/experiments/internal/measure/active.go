package measure

import (
	"math"
	"math/rand/v2"
	"slices"

	"paspo/lp"
	"paspo/lp/interval/closedform"
)

// activePieces says how many affine pieces the closed form of an interval has, and how
// many of them were ever the endpoint.
type activePieces struct{ Lower, Upper, ActiveLower, ActiveUpper int }

// countActive walks random chains and counts which pieces are endpoints, none where s has no
// closed form. Entity i of n, from 0, takes the share of its interval that makes actions on the
// simplex uniform, Beta(1, n-1-i): with uniform shares the first few would use up the total.
func countActive(s lp.Solver, chains int, source rand.Source) ([]activePieces, error) {
	tabled, ok := s.(closedform.Tabled)
	if !ok {
		return nil, nil
	}
	t, n, r := tabled.Tables(), s.Polytope().Dim(), rand.New(source)
	lower, upper := make([][]bool, n), make([][]bool, n)
	for i, e := range t.All {
		lower[i], upper[i] = make([]bool, len(e.LowerSensitivity)), make([]bool, len(e.UpperSensitivity))
		if e.Floor {
			lower[i] = append(lower[i], false) // z >= 0
		}
	}
	c := s.Chain(1)
	lo, hi, a := make([]float64, 1), make([]float64, 1), make([]float64, 1)
	for range chains {
		rho := slices.Clone(t.Begin)
		c.Begin(1, nil)
		for i := range n {
			if err := c.Next(lo, hi); err != nil {
				return nil, err
			}
			e := &t.All[i]
			at, v := furthest(e.Lower, rho[:e.Stride], 1)
			if e.Floor && !(v > 0) {
				at = len(lower[i]) - 1
			}
			if at >= 0 {
				lower[i][at] = true
			}
			if at, _ = furthest(e.Upper, rho[:e.Stride], -1); at >= 0 {
				upper[i][at] = true
			}
			a[0] = min(max(lo[0]+(hi[0]-lo[0])*(1-math.Pow(r.Float64(), 1/max(1, float64(n-1-i)))), lo[0]), hi[0])
			c.Fix(a)
			switch {
			case !t.Facets:
				base := t.Floor[i]
				if t.Free[i] {
					base = 0
				}
				for k := range rho {
					rho[k] -= t.Cols[i*t.Size+k] * (a[0] - base)
				}
			case i+1 < t.Size:
				rho[i+1] = a[0]
			}
		}
	}
	counts := make([]activePieces, n)
	for i := range counts {
		counts[i] = activePieces{len(lower[i]), len(upper[i]), count(lower[i]), count(upper[i])}
	}
	return counts, nil
}

// furthest returns the piece with the largest sign w . rho, -1 if there is none.
func furthest(pieces, rho []float64, sign float64) (at int, value float64) {
	at, value = -1, math.Inf(-1)
	for p := 0; len(pieces) > 0; p, pieces = p+1, pieces[len(rho):] {
		v := 0.
		for k, x := range rho {
			v += sign * pieces[k] * x
		}
		if v > value {
			at, value = p, v
		}
	}
	return at, value
}

func count(set []bool) (n int) {
	for _, in := range set {
		if in {
			n++
		}
	}
	return n
}
