package uniform

import (
	"slices"

	"paspo/lp/internal/vec"
)

// alongChord is a term along a chord: how far its entity is above where it counts from, how that
// grows along it, and the slopes on either side.
type alongChord struct{ at, grows, above, below float64 }

// withinTerms narrows the step t of a chord a + t d, lo <= 0 <= hi, to where the rows with
// terms hold, which a does up to rounding, by Newton's method from outside: the rows are
// convex and piecewise linear along it, so that it ends after as many steps as they have
// pieces.
func (w *walker) withinTerms(entities []int32, d []float64, lo, hi float64) (float64, float64) {
	p, a := w.h.terms, w.x
	form := p.Form()
	for k := range form.B {
		terms := p.Terms(k)
		if len(terms) == 0 {
			continue
		}
		row, limit := form.Side(k)
		value0, plain := vec.Dot(row, a)-limit, 0. // of the coefficients alone, and what it grows by along d
		for x, e := range entities {
			plain += row[e] * d[x]
		}
		w.terms = w.terms[:0]
		for i := range terms {
			of := &terms[i]
			v := 0.
			if of.Sum != nil {
				for x, e := range entities {
					v += of.Sum[e] * d[x]
				}
			} else if x := slices.Index(entities, int32(of.Entity)); x >= 0 {
				v = d[x]
			}
			w.terms = append(w.terms, alongChord{of.Of(a) - of.From, v, of.Above, -of.Below})
		}
		// excess returns how far the row is beyond its limit at t, and how that grows in the
		// direction of sign.
		excess := func(t, sign float64) (value, slope float64) {
			value, slope = value0+t*plain, plain
			for i := range w.terms {
				of := &w.terms[i]
				at, weight := of.at+t*of.grows, of.below
				if at > 0 || at == 0 && sign*of.grows > 0 {
					weight = of.above
				}
				value += weight * at
				slope += weight * of.grows
			}
			return value, sign * slope
		}
		// end returns t where it keeps the row, else the last t on the way to 0 that does.
		end := func(t, sign float64) float64 {
			for range 2 * (len(terms) + 2) {
				value, slope := excess(t, sign)
				if !(value > 0) {
					break
				}
				if !(slope > 0) {
					return 0 // rounding: no t on the way is known to keep the row
				}
				t -= sign * value / slope
			}
			return t
		}
		lo, hi = min(end(lo, -1), 0), max(end(hi, 1), 0)
	}
	return lo, hi
}
