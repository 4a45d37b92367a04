package interval

import (
	"math"

	"paspo/lp/internal/program"
	"paspo/lp/internal/vec"
)

// What a chain panics with that is not used as its interface says.
const (
	badBatch  = "lp: bad number of rows"
	badEntity = "lp: bad number of entities"
)

// query is one interval to find.
type query struct {
	entity     int
	prefix     []float64 // n, the first entity of them are set
	b, f, l, u []float64
	own        bool // the limits are the polytope's own

	// given, where known, is an allocation that has this prefix.
	given []float64
	known bool

	// excess is how far the prefix itself leaves the bounds, scaled.
	excess float64

	excesses []float64 // of rows, then equalities, at what feasible saw last
}

// feasible reports whether a satisfies all constraints to a tolerance.
func (q *query) feasible(form *program.Form, a []float64, tol float64) bool {
	n := len(a)
	q.excesses = q.excesses[:0]
	for k, b := range q.b {
		d := vec.Dot(form.A[k*n:(k+1)*n], a) - b
		if q.excesses = append(q.excesses, d); !(d <= tol*form.RowScale(k, b)) {
			return false
		}
	}
	for k, f := range q.f {
		d := vec.Dot(form.E[k*n:(k+1)*n], a) - f
		if q.excesses = append(q.excesses, d); !(math.Abs(d) <= tol*form.EqScale(k, f)) {
			return false
		}
	}
	for j, x := range a {
		if x >= q.l[j] && x <= q.u[j] {
			continue
		}
		if l := q.l[j]; !(l-x <= tol*form.EntityScale(j, x)) {
			return false
		}
		if u := q.u[j]; !(x-u <= tol*form.EntityScale(j, x)) {
			return false
		}
	}
	return true
}

// crossed reports bounds of the suffix that exclude each other.
func (q *query) crossed() bool {
	for j := q.entity; j < len(q.l); j++ {
		if q.l[j] > q.u[j] {
			return true
		}
	}
	return false
}

// combine writes the convex combination of two allocations with the same first
// entities that takes entity i to what the prefix says.
func combine(given, prefix, low, upper []float64, i int) {
	s := 0.
	if d := upper[i] - low[i]; d > 0 {
		s = (prefix[i] - low[i]) / d
	}
	for j := i + 1; j < len(given); j++ {
		given[j] = low[j] + s*(upper[j]-low[j])
	}
	copy(given[:i+1], prefix)
}
