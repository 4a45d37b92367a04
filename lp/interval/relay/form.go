package relay

import (
	"math"

	"paspo/lp"
	"paspo/lp/internal/tolerance"
)

// OverPoints reports whether programs for intervals are better over the weights of the
// points than over the rows: where these are more, and where their rounding shows.
func OverPoints(p *lp.Polytope) bool {
	rows := len(p.Form().B)
	return len(p.Points()) > 0 && (p.NarrowHull() || len(p.Points()) < rows || rows == 0)
}

// FarBelow is how far below all that an entity takes, in its sizes, a lower bound may be
// for amounts to be counted from it: differences to it lose as many digits.
const FarBelow = 1 << 10

// CountedFrom returns what amounts of an entity with a lower bound and a range are
// counted from: the bound, or a place between both where the bound is far below, or none.
// No limit is lost, since the entity takes nothing below its range.
func CountedFrom(bound, lo, hi float64) float64 {
	reach := max(1, math.Abs(lo), math.Abs(hi))
	if lo-bound > FarBelow*reach {
		return lo - reach
	}
	return bound
}

// Countable reports whether the lower bounds of a state of p are such that differences to them
// keep enough digits.
func Countable(p *lp.Polytope, lower []float64) bool {
	for j, l := range lower {
		if -l > tolerance.Sensitivity*p.Sizes()[j] && !math.IsInf(l, -1) {
			return false
		}
	}
	return true
}
