package uniform

import (
	"fmt"
	"slices"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/optima"
)

// Walk goes through a polytope by hit-and-run whose steps the caller draws, for densities
// that are not uniform. Its directions are those that uniform points come by: bases of the affine
// hull, of edges that meet in a vertex, any of which may be taken at any time. Amounts are those of
// the canonical form. A Walk is used by one goroutine at a time.
type Walk struct {
	walker
	p, canonical *lp.Polytope
}

// NewWalk prepares the directions in p. It is an error where p is a hull without facets.
func NewWalk(p *lp.Polytope) (*Walk, error) {
	if p.HullOnly() {
		return nil, fmt.Errorf("uniform: %s is the hull of points whose facets are too many to find: it has no rows to go by", p.Describe())
	}
	if err := p.RefuseTerms("uniform: walks for densities that are not uniform"); err != nil {
		return nil, err
	}
	c := p.Canonical()
	hull, err := newAffineHull(c)
	if err != nil {
		return nil, err
	}
	h := &hitAndRun{n: p.Dim(), hull: hull}
	if hull.dim() > 0 {
		axes := hull.axes()
		h.rows = newMovingRows(c, hull.center, axes)
		h.choose(axes, newRand(rng.New(0, "lp", "walk")))
	} else {
		h.rows = movingRows{&optima.Sides{}}
	}
	w := &Walk{p: p, canonical: c}
	w.h, w.x, w.slack = h, slices.Clone(hull.center), make([]float64, h.rows.Len())
	w.exact()
	return w, nil
}

// Dim returns the dimension of the hull, the number of directions of a basis.
func (w *Walk) Dim() int { return w.h.hull.dim() }

// Bases returns the number of bases.
func (w *Walk) Bases() int { return len(w.h.bases) }

// Start goes to a point of the polytope.
func (w *Walk) Start(x []float64) {
	copy(w.x, x)
	w.exact()
}

// Point returns where the walk is. It must not be modified.
func (w *Walk) Point() []float64 { return w.x }

// Chord returns a direction, as the entities that it moves and by how much, and how far
// it goes back and forth: lo <= 0 <= hi.
func (w *Walk) Chord(basis, direction int) (entities []int32, move []float64, lo, hi float64) {
	d := &w.h.bases[basis][direction]
	lo, hi = w.chord(d)
	return d.entities, d.move, lo, hi
}

// Move goes t along a direction, lo <= t <= hi.
func (w *Walk) Move(basis, direction int, t float64) { w.move(&w.h.bases[basis][direction], t) }

// Allocation writes the allocation of a point. Rounding beyond bounds is taken off.
func (w *Walk) Allocation(x, a []float64) { allocation(w.p, w.canonical, x, a) }

// allocation writes the amounts of p that canonical ones are.
func allocation(p, canonical *lp.Polytope, x, a []float64) {
	copy(a, x)
	units, _, _ := canonical.Units()
	for j, d := range units {
		a[j] *= d
	}
	lower, upper := p.Bounds()
	for j := range a {
		a[j] = min(max(a[j], lower[j]), upper[j])
	}
}

// Enter goes to a point of the hull where that is inside, and reports whether it is. Where it
// is not, the walk has no place until it starts anew.
func (w *Walk) Enter(x []float64) bool {
	w.Start(x)
	for _, s := range w.slack {
		if !(s >= 0) {
			return false
		}
	}
	return true
}
