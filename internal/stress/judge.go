package stress

import (
	"math"

	"paspo/lp"
)

const (
	// agree is the scaled difference up to which two solvers agree.
	agree = 1e-9

	// give is by how much, scaled, the limits may be off for an end to count as
	// right: the rounding of a prefix that was itself computed.
	give = 2e-11
)

// Right says whether an interval is right to a scaled 1e-9: between the exact
// intervals on limits tightened and relaxed by 2e-11, or, where nothing is feasible,
// inside the one on limits relaxed as far as a solver may relax them, by 1e-6.
func Right(p *lp.Polytope, prefix []float64, lo, hi float64) bool {
	const most = 1e-6
	if !(lo <= hi) {
		return false
	}
	slop := agree * max(1, math.Abs(lo), math.Abs(hi))
	l, h, ok := lp.ExactInterval(p, prefix, nil, give)
	if !ok {
		l, h, ok = lp.ExactInterval(p, prefix, nil, most)
		return ok && lo >= l-slop && hi <= h+slop
	}
	if lo < l-slop || hi > h+slop {
		return false
	}
	l, h, ok = lp.ExactInterval(p, prefix, nil, -give)
	return !ok || lo <= l+slop && hi >= h-slop
}

// difference is the scaled difference of two intervals.
func difference(lo1, hi1, lo2, hi2 float64) float64 {
	return max(math.Abs(lo1-lo2), math.Abs(hi1-hi2)) / max(1, math.Abs(lo1), math.Abs(hi1))
}
