package uniform

import (
	"math"

	"paspo/lp"
	"paspo/lp/internal/vec"
)

// withinTerms narrows the step t of a chord a + t d, lo <= 0 <= hi, to where the rows with
// terms hold, which a does up to rounding, by Newton's method from outside: the rows are
// convex and piecewise linear along it, so that it ends after as many steps as they have
// pieces. Where nothing narrows an infinite endpoint, it stays.
func withinTerms(p *lp.Polytope, a []float64, entities []int32, d []float64, lo, hi float64) (float64, float64) {
	form := p.Form()
	for k := range form.B {
		terms := p.Terms(k)
		if len(terms) == 0 {
			continue
		}
		row, limit := form.Side(k)
		move := func(j int) float64 {
			for x, e := range entities {
				if int(e) == j {
					return d[x]
				}
			}
			return 0
		}
		// excess returns how far the row is beyond its limit at t, and how that grows in the
		// direction of sign.
		excess := func(t, sign float64) (value, slope float64) {
			for x, e := range entities {
				slope += row[e] * d[x]
			}
			value = vec.Dot(row, a) - limit
			far := math.IsInf(t, 0)
			if !far {
				value += t * slope
			}
			for x := range terms {
				of := &terms[x]
				v := move(of.Entity)
				at := a[of.Entity] - of.From
				if !far {
					at += t * v
				} else if v != 0 {
					at = sign * v
				}
				w := -of.Below
				if at > 0 || at == 0 && sign*v > 0 {
					w = of.Above
				}
				slope += w * v
				if far {
					at = a[of.Entity] - of.From
				}
				value += w * at
			}
			return value, sign * slope
		}
		for _, sign := range [...]float64{1, -1} {
			t := hi
			if sign < 0 {
				t = lo
			}
			if math.IsInf(t, 0) {
				// The pieces farthest out begin it: their line is nowhere above the row.
				value, slope := excess(t, sign)
				if !(slope > 0) {
					continue
				}
				t = sign * max(0, -value/slope)
			}
			for range 2 * (len(terms) + 2) {
				value, slope := excess(t, sign)
				if !(value > 0) {
					break
				}
				if !(slope > 0) {
					t = 0 // rounding hides the inside
					break
				}
				t -= sign * value / slope
			}
			if sign > 0 {
				hi = max(t, 0)
			} else {
				lo = min(t, 0)
			}
		}
	}
	return lo, hi
}
