package relay

import "paspo/lp"

// BadEntity is what a chain panics with that is asked for more entities than there are.
const BadEntity = "lp: bad number of entities"

// CheckBatch panics where a batch is larger than a chain is for, or lacks limits.
func CheckBatch(most, rows int, limits []lp.Limits) {
	if rows > most || limits != nil && len(limits) < rows {
		panic("lp: bad number of rows")
	}
}

// Query is one interval to find.
type Query struct {
	Entity     int
	Prefix     []float64 // n, the first entity of them are set
	B, F, L, U []float64
	Own        bool // the limits are the polytope's own

	// Given, where known, is an allocation that has this prefix.
	Given []float64
	Known bool

	// Excess is by how much the prefix itself is outside of its bounds, scaled.
	Excess float64
}

// Crossed reports whether a lower bound of the suffix is above the upper one.
func (q *Query) Crossed() bool {
	for j := q.Entity; j < len(q.L); j++ {
		if q.L[j] > q.U[j] {
			return true
		}
	}
	return false
}

// Combine writes the convex combination of two allocations with the same first
// entities that takes entity i to what the prefix says.
func Combine(given, prefix, low, upper []float64, i int) {
	s := 0.
	if d := upper[i] - low[i]; d > 0 {
		s = (prefix[i] - low[i]) / d
	}
	for j := i + 1; j < len(given); j++ {
		given[j] = low[j] + s*(upper[j]-low[j])
	}
	copy(given[:i+1], prefix)
}
