package ops

import "math"

// Shape maps an output of the network to a parameter of a Beta distribution,
//
//	y(l) = Min + e^l                                  without a ceiling,
//	y(l) = Min + C e^l / (C + e^l),  C = Max - Min    with one,
//
// which for e^l far below C are the same and otherwise approaches Max smoothly:
// its slope is positive everywhere, so that no parameter is stuck at the ceiling.
type Shape struct {
	Min, Max float64 // Max 0 is no ceiling
}

// At returns y(l) and its derivative.
func (s Shape) At(l float64) (y, dy float64) {
	e := math.Exp(l)
	if s.Max == 0 {
		return s.Min + e, e
	}
	c := s.Max - s.Min
	// With e infinite c/e is 0, as it should be.
	u := e / (1 + e/c)
	if math.IsInf(e, 1) {
		u = c
	}
	return s.Min + u, u / (1 + e/c)
}

// Inverse returns the l with y(l) = y, NaN where there is none.
func (s Shape) Inverse(y float64) float64 {
	u := y - s.Min
	if s.Max == 0 {
		return math.Log(u)
	}
	return math.Log(u) - math.Log1p(-u/(s.Max-s.Min))
}
