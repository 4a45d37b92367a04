package closedform

import (
	"math"
	"math/rand/v2"
)

// ActivePieces says how many pieces the closed form of an interval has, and how
// many of them were ever the endpoint.
type ActivePieces struct {
	Entity                   string
	Lower, Upper             int
	ActiveLower, ActiveUpper int
}

// CountActive walks random chains and counts which affine pieces of the closed form are
// endpoints. Entity i of n, from 0, takes
// the share of its interval that makes actions on the simplex uniform, Beta(1, n-1-i):
// with uniform shares the first few would use up the total.
func (x *Solver) CountActive(chains int, source rand.Source) ([]ActivePieces, error) {
	f := x.f
	n := f.p.Dim()
	r := rand.New(source)
	counts := make([]ActivePieces, n)
	lower, upper := make([][]bool, n), make([][]bool, n)
	for i := range n {
		e := &f.All[i]
		counts[i] = ActivePieces{Entity: f.p.Entities()[i], Lower: len(e.LowerSensitivity), Upper: len(e.UpperSensitivity)}
		if e.Floor {
			counts[i].Lower++ // z >= 0, the last
		}
		lower[i], upper[i] = make([]bool, counts[i].Lower), make([]bool, counts[i].Upper)
	}
	c := x.Chain(1).(*chain)
	lo, hi, a := make([]float64, 1), make([]float64, 1), make([]float64, 1)
	for range chains {
		c.Begin(1, nil)
		for i := range n {
			if err := c.Next(lo, hi); err != nil {
				return nil, err
			}
			if !c.behind.Gone[0] {
				e := &f.All[i]
				at, v := furthest(e.Lower, c.groups[ownLimits].b.Rho[:e.Stride], 1)
				if e.Floor && !(v > 0) {
					at = len(lower[i]) - 1
				}
				if at >= 0 {
					lower[i][at] = true
				}
				if at, _ = furthest(e.Upper, c.groups[ownLimits].b.Rho[:e.Stride], -1); at >= 0 {
					upper[i][at] = true
				}
			}
			a[0] = min(max(lo[0]+(hi[0]-lo[0])*(1-math.Pow(r.Float64(), 1/max(1, float64(n-1-i)))), lo[0]), hi[0])
			c.Fix(a)
		}
	}
	for i := range n {
		counts[i].ActiveLower, counts[i].ActiveUpper = count(lower[i]), count(upper[i])
	}
	return counts, nil
}

// furthest returns the piece with the largest sign w . rho, -1 if there is none.
func furthest(pieces, rho []float64, sign float64) (at int, value float64) {
	at, value = -1, math.Inf(-1)
	for p := 0; len(pieces) > 0; p, pieces = p+1, pieces[len(rho):] {
		if v := sign * weigh(pieces[:len(rho)], rho); v > value {
			at, value = p, v
		}
	}
	return at, value
}

func count(set []bool) int {
	n := 0
	for _, b := range set {
		if b {
			n++
		}
	}
	return n
}
