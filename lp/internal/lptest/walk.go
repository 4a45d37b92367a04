package lptest

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/hull"
	"paspo/lp/internal/program"
	"paspo/lp/internal/vec"
)

// ExactInterval returns the interval of the entity after prefix from linear programs in
// rational arithmetic, rounded once. A nil lim means the polytope's own limits.
//
// All limits are relaxed by relax times the scales of their residuals, or tightened where it is
// negative. Equalities are never tightened. ok is false where nothing has this prefix, or nothing
// bounds the entity.
func ExactInterval(p *lp.Polytope, prefix []float64, lim *lp.Limits, relax float64) (lo, hi float64, ok bool) {
	if q := p.Lifted(); q != nil {
		return ExactInterval(q, prefix, new(lp.TermLimits).Lift(p, lim), relax)
	}
	form, n := p.Under(lim).Form(), p.Dim()
	form.B, form.F, form.L, form.U = p.Resolve(lim)
	if p.HullOnly() { // over the entities and the weights of the points
		points := p.Points()
		k, equalities, rhs := len(points), form.E, form.F
		form.E, form.F = nil, slices.Clone(rhs)
		for x := range rhs {
			form.E = append(append(form.E, equalities[x*n:(x+1)*n]...), make([]float64, k)...)
		}
		for i, weights := range hull.Weights(points) {
			row := make([]float64, n)
			if i > 0 {
				row[i-1] = -1
			}
			form.E, form.F = append(append(form.E, row...), weights...), append(form.F, float64(max(0, 1-i)))
		}
		ones := slices.Repeat([]float64{1}, k)
		form.L, form.U = slices.Concat(form.L, make([]float64, k)), slices.Concat(form.U, ones)
		form.SetSizes(slices.Concat(form.Size, ones))
	}
	q := form.Program(make([]float64, len(form.L))).Relaxed(relax)
	r := program.Rational{A: q.A, B: q.B, E: q.E, F: q.F, L: q.L, U: q.U, Prefix: prefix}
	c := make([]float64, len(form.L)-len(prefix))
	c[0] = 1
	least, ok := r.Minimize(c)
	if !ok {
		return 0, 0, false
	}
	c[0] = -1
	most, ok := r.Minimize(c)
	if !ok {
		return 0, 0, false
	}
	return vec.Float(least), -vec.Float(most), true
}

// CheckInterval holds [lo, hi] between the exact intervals on limits tightened and
// relaxed by 2e-11, the first up to as much as relaxing equalities by that moves an endpoint.
// Where vertices are well-conditioned the two agree.
func CheckInterval(p *lp.Polytope, prefix []float64, lim *lp.Limits, lo, hi float64) error {
	const eps = 2e-11
	if !(lo <= hi) {
		return fmt.Errorf("[%v, %v]", lo, hi)
	}
	size := max(p.Sizes()[len(prefix)], math.Abs(lo), math.Abs(hi))
	slop := 1e-12 * size
	l, h, ok := ExactInterval(p, prefix, lim, eps)
	if !ok {
		return fmt.Errorf("[%v, %v] of an infeasible prefix", lo, hi)
	}
	if lo < l-slop || hi > h+slop {
		return fmt.Errorf("[%v, %v] leaves [%v, %v], the interval on relaxed limits", lo, hi, l, h)
	}
	slop = 1e-9 * size
	tightL, tightH, ok := ExactInterval(p, prefix, lim, -eps)
	if !ok || lo <= tightL+slop && hi >= tightH-slop {
		return nil
	}
	// Equalities are never tightened. What they do to endpoints shows in how far these move when
	// they are relaxed.
	exactL, exactH, _ := ExactInterval(p, prefix, lim, 0)
	if lo > tightL+slop+exactL-l || hi < tightH-slop-(h-exactH) {
		return fmt.Errorf("[%v, %v] lacks of [%v, %v], the interval on tightened limits", lo, hi, tightL, tightH)
	}
	return nil
}

// walk completes actions with a chain, and returns them. For each row choose returns the
// amount of entity i, given its interval and the error of the chain. An error of choose ends
// the walk.
func walk(s lp.Solver, rows int, limits []lp.Limits, choose func(i, row int, lo, hi float64, failed error) (float64, error)) (actions [][]float64, err error) {
	lo, hi, a := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	actions = make([][]float64, rows)
	c := s.Chain(rows)
	c.Begin(rows, limits)
	for i := range s.Polytope().Dim() {
		failed := c.Next(lo, hi)
		for row := range rows {
			if a[row], err = choose(i, row, lo[row], hi[row], failed); err != nil {
				return nil, fmt.Errorf("entity %d after %v: %w", i, actions[row], err)
			}
			actions[row] = append(actions[row], a[row])
		}
		c.Fix(a)
	}
	return actions, nil
}

// of returns the limits of a row, nil where all have the polytope's own.
func of(limits []lp.Limits, row int) *lp.Limits {
	if limits == nil {
		return nil
	}
	return &limits[row]
}

// WalkChecked completes actions and checks every interval exactly.
func WalkChecked(s lp.Solver, r *rand.Rand, limits []lp.Limits, rows int) error {
	p := s.Polytope()
	prefixes := make([][]float64, rows)
	actions, err := walk(s, rows, limits, func(_, row int, lo, hi float64, failed error) (float64, error) {
		if failed != nil {
			return 0, failed
		}
		if err := CheckInterval(p, prefixes[row], of(limits, row), lo, hi); err != nil {
			return 0, err
		}
		a := Choose(r, lo, hi)
		prefixes[row] = append(prefixes[row], a)
		return a, nil
	})
	if err != nil {
		return err
	}
	for row, x := range actions {
		if res := p.Residual(x, of(limits, row)); !(res <= 1e-9) {
			return fmt.Errorf("residual %g of %v", res, x)
		}
	}
	return nil
}

// Choose picks an action of [lo, hi]: often an endpoint, or close to one.
func Choose(r *rand.Rand, lo, hi float64) float64 {
	a := lo + (hi-lo)*r.Float64()
	switch r.IntN(10) {
	case 0, 1:
		a = lo
	case 2, 3:
		a = hi
	case 4:
		a = lo + (hi-lo)*math.Exp(-40*r.Float64())
	case 5:
		a = hi - (hi-lo)*math.Exp(-40*r.Float64())
	case 6:
		a = math.Nextafter(lo, hi)
	case 7:
		a = math.Nextafter(hi, lo)
	}
	return min(max(a, lo), hi)
}

// Walk completes rows random actions and returns them with their largest
// residual. limits may be nil.
func Walk(t testing.TB, s lp.Solver, r *rand.Rand, rows int, limits []lp.Limits) (actions [][]float64, residual float64) {
	t.Helper()
	actions, err := walk(s, rows, limits, func(_, _ int, lo, hi float64, failed error) (float64, error) {
		if failed == nil && !(lo <= hi) {
			failed = fmt.Errorf("lo %v, hi %v", lo, hi)
		}
		return Choose(r, lo, hi), failed
	})
	if err != nil {
		t.Fatal(err)
	}
	residual = math.Inf(-1)
	for row, x := range actions {
		residual = max(residual, s.Polytope().Residual(x, of(limits, row)))
	}
	return actions, residual
}

// Intervals completes rows actions and returns all intervals, NaN where there is none.
// Actions are a function of the seed and the intervals before them.
func Intervals(s lp.Solver, seed uint64, rows int, limits []lp.Limits) (all []float64) {
	r := rand.New(rng.New(seed, "intervals"))
	_, _ = walk(s, rows, limits, func(_, _ int, lo, hi float64, _ error) (float64, error) {
		all = append(all, lo, hi)
		return Choose(r, lo, hi), nil // errors show as NaN
	})
	return all
}

// SameBits returns an error that names the first numbers that differ.
func SameBits(a, b []float64) error {
	for x := range a {
		if math.Float64bits(a[x]) != math.Float64bits(b[x]) && !(math.IsNaN(a[x]) && math.IsNaN(b[x])) {
			return fmt.Errorf("number %d is %v, then %v: %g apart", x, a[x], b[x], b[x]-a[x])
		}
	}
	return nil
}

// WalkPlaces completes actions at given places of their intervals, batch rows at a
// time, and returns all endpoints, one row after another.
func WalkPlaces(t testing.TB, s lp.Solver, batch int, limits []lp.Limits, place []float64) []float64 {
	t.Helper()
	n := s.Polytope().Dim()
	endpoints := make([]float64, 2*n*len(limits))
	lo, hi, a := make([]float64, batch), make([]float64, batch), make([]float64, batch)
	c := s.Chain(batch)
	for from := 0; from < len(limits); from += batch {
		rows := min(batch, len(limits)-from)
		c.Begin(rows, limits[from:])
		for i := range n {
			if err := c.Next(lo, hi); err != nil {
				t.Errorf("entity %d: %v", i, err)
				return endpoints
			}
			for x := range rows {
				at := (from+x)*n + i
				endpoints[2*at], endpoints[2*at+1] = lo[x], hi[x]
				a[x] = min(lo[x]+(hi[x]-lo[x])*place[at], hi[x])
			}
			c.Fix(a)
		}
	}
	return endpoints
}

// SameIntervals compares chains of two solvers that differ by 1e-9 at most, scaled.
// Entities are taken well inside their intervals: close to the boundary of a hull,
// rounding of one form is a move along the boundary to the other.
func SameIntervals(s, other lp.Solver, r *rand.Rand, limits, otherLimits []lp.Limits, rows int) error {
	n := s.Polytope().Dim()
	lo, hi, a := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	lo2, hi2 := make([]float64, rows), make([]float64, rows)
	c, c2 := s.Chain(rows), other.Chain(rows)
	c.Begin(rows, limits)
	c2.Begin(rows, otherLimits)
	for i := range n {
		if err := errors.Join(c.Next(lo, hi), c2.Next(lo2, hi2)); err != nil {
			return err
		}
		for x := range rows {
			tol := 1e-9 * max(1, math.Abs(lo[x]), math.Abs(hi[x]))
			if math.Abs(lo[x]-lo2[x]) > tol || math.Abs(hi[x]-hi2[x]) > tol {
				return fmt.Errorf("entity %d: [%v, %v], by %s [%v, %v]", i, lo[x], hi[x], other.Method(), lo2[x], hi2[x])
			}
			a[x] = lo[x] + (hi[x]-lo[x])*(0.1+0.8*r.Float64())
		}
		c.Fix(a)
		c2.Fix(a)
	}
	return nil
}
