package relay

import (
	"math"

	"paspo/lp"
)

// Action is an action in the making, whose intervals are answered one after the other.
type Action struct {
	Entity     int       // the next one
	Prefix     []float64 // n, the first Entity of them are fixed
	B, F, L, U []float64
	Own        bool // the limits are the polytope's own

	// Given, where Known, is an allocation that has this prefix.
	Given []float64
	Known bool

	// Excess is by how much the prefix itself is outside of its bounds, scaled.
	Excess float64

	// Lo and Hi are the last answer. Where Proved says so, AtLow and AtUpper are allocations
	// that have these endpoints and satisfy all constraints. Whatever is chosen between the
	// endpoints then has their convex combination for a witness, so that errors do not add
	// up along a chain.
	Lo, Hi         float64
	AtLow, AtUpper []float64
	Proved         bool

	size []float64 // of entities
}

// Make allocates what an action of n entities needs.
func (a *Action) Make(n int) {
	store := make([]float64, 4*n)
	for x, v := range [...]*[]float64{&a.Prefix, &a.Given, &a.AtLow, &a.AtUpper} {
		*v = store[x*n : (x+1)*n : (x+1)*n]
	}
}

// Begin starts a new action under limits of p, nil for its own.
func (a *Action) Begin(p *lp.Polytope, lim *lp.Limits) {
	a.Entity, a.Known, a.Proved, a.Excess, a.Own = 0, false, false, 0, lim == nil
	a.B, a.F, a.L, a.U = p.Resolve(lim)
	a.size = p.Sizes()
}

// AtBound writes the allocation that has an endpoint where one is known: an allocation that
// takes the entity at its bound proves that endpoint. It reports whether it did.
func (a *Action) AtBound(upper bool) bool {
	i := a.Entity
	switch {
	case !a.Known:
		return false
	case upper && a.Given[i] >= a.U[i]:
		copy(a.AtUpper, a.Given)
	case !upper && a.Given[i] <= a.L[i]:
		copy(a.AtLow, a.Given)
	default:
		return false
	}
	return true
}

// Crossed reports whether a lower bound of the suffix is above the upper one.
func (a *Action) Crossed() bool {
	for j := a.Entity; j < len(a.L); j++ {
		if a.L[j] > a.U[j] {
			return true
		}
	}
	return false
}

// Prove takes the endpoints of the next entity from AtLow and AtUpper. Endpoints that
// rounding let pass one another move to their middle.
func (a *Action) Prove() {
	i := a.Entity
	a.Proved, a.Lo, a.Hi = true, a.AtLow[i], a.AtUpper[i]
	if a.joined() {
		a.AtLow[i], a.AtUpper[i] = a.Lo, a.Lo
	}
}

// Unproved takes endpoints that have no allocations.
func (a *Action) Unproved(lo, hi float64) {
	a.Proved, a.Lo, a.Hi = false, lo, hi
	a.joined()
}

// joined moves endpoints that have passed one another to their middle, and reports whether they had.
func (a *Action) joined() bool {
	if a.Lo <= a.Hi {
		return false
	}
	a.Lo += (a.Hi - a.Lo) / 2
	a.Hi = a.Lo
	return true
}

// Fix takes the next entity to v.
func (a *Action) Fix(v float64) {
	i := a.Entity
	a.Prefix[i] = v
	a.Entity++
	scale := max(a.size[i], math.Abs(v))
	a.Excess = max(a.Excess, (a.L[i]-v)/scale, (v-a.U[i])/scale)
	if a.Known = a.Proved && v >= a.Lo && v <= a.Hi; a.Known {
		a.combine()
	}
}

// combine writes to Given the convex combination of AtLow and AtUpper in which the entity
// fixed last has its amount of the prefix.
func (a *Action) combine() {
	i := a.Entity - 1
	s := 0.
	if d := a.AtUpper[i] - a.AtLow[i]; d > 0 {
		s = (a.Prefix[i] - a.AtLow[i]) / d
	}
	for j := i + 1; j < len(a.Given); j++ {
		a.Given[j] = a.AtLow[j] + s*(a.AtUpper[j]-a.AtLow[j])
	}
	copy(a.Given, a.Prefix[:i+1])
}
