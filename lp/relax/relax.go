package relax

import (
	"math"
	"slices"

	"paspo/lp"
	"paspo/lp/internal/dictionary"
	"paspo/lp/internal/hull"
	"paspo/lp/internal/program"
	"paspo/lp/internal/vec"
)

const (
	// Margin is added to the least relaxation, so that more than a single point is within
	// the bounds, which would be empty to a solver that rounds.
	Margin = 1e-9

	// lowest bounds t from below, far enough from -Margin that rounding there
	// makes no relaxation.
	lowest = -2 * Margin

	// knownMargin is how far within the bounds a known point must be to show that nothing has
	// to relax. It is far above knownResidual, so that a linear program could not say
	// otherwise.
	knownMargin = 1e-6

	// knownResidual is the scaled residual that such a point may have in the
	// constraints that stay.
	knownResidual = 1e-9
)

// Program finds the least amount by which bounds lo <= a <= hi that follow the
// state have to relax, so that an allocation of a polytope P satisfies them:
//
//	t(lo, hi) = min t  subject to  a in P,  lo - t <= a <= hi + t,  t >= lowest.
//
// The bounds then relax by max(0, t + Margin). Where P is a hull without facets,
// its points have weights beside a and t (see weighted). Everything but lo and hi is the
// same in every state, so every solution starts from the optimum without them: it depends
// on the bounds alone. A program is used by one goroutine at a time. It allocates nothing
// but where the dictionary fails.
type Program struct {
	t         *Template
	d         *dictionary.Dictionary // its own copy, nil where there is none
	effort    int
	b         []float64 // limits of the rows under the bounds that are set
	a         []float64 // an allocation that needs the least relaxation
	fallbacks int
}

// Template is what the programs of one polytope share.
type Template struct {
	p     *lp.Polytope
	known []float64              // a point of P
	q     program.Program        // over (a, t) and weights
	base  *dictionary.Dictionary // of q, at its optimum without lo and hi, nil where none was found

	// Rows of -a_j - t <= -lo_j and a_j - t <= hi_j, -1 where there is none.
	lowRow, highRow []int
}

// effort ends a search that rounding leads in circles, in elementary steps.
const effort = 1 << 30

// New is for bounds that are finite at most where lower and upper say so. The point
// known is in p.
func New(p *lp.Polytope, known []float64, lower, upper func(j int) bool) *Template {
	n := p.Dim()
	w := &Template{p: p, known: known, lowRow: make([]int, n), highRow: make([]int, n)}
	points := weighted(p)
	cols := n + 1 + len(points)
	q := &w.q
	q.C, q.L, q.U = make([]float64, cols), make([]float64, cols), slices.Repeat([]float64{1}, cols)
	l, u := p.Bounds()
	copy(q.L, l)
	copy(q.U, u)
	q.C[n], q.L[n], q.U[n] = 1, lowest, math.Inf(1)

	// row adds c . a + t times the relaxation <= rhs.
	coef := make([]float64, cols)
	row := func(c []float64, t, rhs float64) int {
		copy(coef, c)
		coef[n] = t
		q.A, q.B = append(q.A, coef...), append(q.B, rhs)
		return len(q.B) - 1
	}
	scaled := make([]float64, n)
	each := func(rows, limits []float64, add func(c []float64, rhs float64)) {
		for k, rhs := range limits {
			c := rows[k*n : (k+1)*n]
			size := vec.MaxAbs(c)
			if size == 0 || math.IsInf(rhs, 0) {
				continue
			}
			for j, v := range c {
				scaled[j] = v / size
			}
			add(scaled, rhs/size)
		}
	}
	a, b, _ := p.Inequalities()
	each(a, b, func(c []float64, rhs float64) { row(c, 0, rhs) })
	own := len(q.B)
	unit := make([]float64, n)
	for j := range n {
		w.lowRow[j], w.highRow[j] = -1, -1
		if lower(j) {
			unit[j] = -1
			w.lowRow[j] = row(unit, -1, 0)
		}
		if upper(j) {
			unit[j] = 1
			w.highRow[j] = row(unit, -1, 0)
		}
		unit[j] = 0
	}
	e, f, _ := p.Equalities()
	clear(coef)
	each(e, f, func(c []float64, rhs float64) {
		copy(coef, c)
		q.E, q.F = append(q.E, coef...), append(q.F, rhs)
	})
	mixtures(points, n, func(c []float64, rhs float64) { q.E, q.F = append(q.E, c...), append(q.F, rhs) })
	w.optimum(own)
	return w
}

// optimum finds the base, in which the first rows hold alone.
func (w *Template) optimum(own int) {
	q, steps := &w.q, effort
	cols := len(q.C)
	d := dictionary.New(q.L, q.U, &steps)
	for k, rhs := range q.B {
		d.Add(q.A[k*cols:(k+1)*cols], rhs, false)
		if k >= own {
			d.Limit(k, math.Inf(-1), math.Inf(1))
		}
	}
	for k, rhs := range q.F {
		d.Add(q.E[k*cols:(k+1)*cols], rhs, true)
	}
	cost := make([]float64, cols)
	for j, c := range q.C {
		cost[j] = -c
	}
	if _, err := d.Maximize(cost); err == nil {
		w.base = d
	}
}

// Program returns a program with bounds of its own.
func (w *Template) Program() *Program {
	p := &Program{t: w, b: slices.Clone(w.q.B), a: make([]float64, w.p.Dim())}
	if w.base != nil {
		p.d = w.base.Clone(&p.effort)
	}
	return p
}

// Least returns by how much lo and hi have to relax, 0 where some allocation satisfies them
// as they are, and an allocation that satisfies them then. That one is overwritten by the
// next call. It is NaN, and no allocation, where a bound is. Points that are likely to
// satisfy the bounds are tried first: candidates that are not nil, and the one that is
// known.
func (w *Program) Least(lo, hi []float64, candidates ...[]float64) (by float64, at []float64) {
	for j := range lo {
		if math.IsNaN(lo[j]) || math.IsNaN(hi[j]) {
			return math.NaN(), nil
		}
	}
	for _, a := range candidates {
		if a != nil && w.suffices(a, lo, hi) {
			return 0, a
		}
	}
	if w.suffices(w.t.known, lo, hi) {
		return 0, w.t.known
	}
	w.set(lo, hi)
	if !w.solve() || !w.accept(lo, hi) {
		w.fallbacks++
		w.fallback(lo, hi)
	}
	return max(0, excess(w.a, lo, hi)+Margin), w.a
}

// Fallbacks returns how many solutions were left to CLP.
func (w *Program) Fallbacks() int { return w.fallbacks }

// set sets the bounds.
func (w *Program) set(lo, hi []float64) {
	for j := range lo {
		if k := w.t.lowRow[j]; k >= 0 {
			w.b[k] = -lo[j]
		}
		if k := w.t.highRow[j]; k >= 0 {
			w.b[k] = hi[j]
		}
	}
}

// solve goes from the base to the optimum under the bounds that are set, and reports
// whether there is one.
func (w *Program) solve() bool {
	if w.d == nil {
		return false
	}
	w.effort = effort
	w.d.Set(w.t.base)
	for _, rows := range [...][]int{w.t.lowRow, w.t.highRow} {
		for _, k := range rows {
			if k >= 0 {
				w.d.Limit(k, -w.b[k], math.Inf(1))
			}
		}
	}
	_, err := w.d.Again()
	return err == nil
}

// suffices says whether a shows that nothing has to relax.
func (w *Program) suffices(a, lo, hi []float64) bool {
	return excess(a, lo, hi) <= -knownMargin && w.t.p.Residual(a, nil) <= knownResidual
}

// excess returns the largest amount by which a is outside of lo..hi, negative
// where it is inside.
func excess(a, lo, hi []float64) float64 {
	e := math.Inf(-1)
	for j, x := range a {
		e = max(e, lo[j]-x, x-hi[j])
	}
	return e
}

// accept checks the solution of the dictionary against the constraints themselves
// and puts it into a.
func (w *Program) accept(lo, hi []float64) bool {
	l, u := w.t.p.Bounds()
	for j := range w.a {
		w.a[j] = min(max(w.d.At(j), l[j]), u[j])
	}
	const rounding = 1e-11
	return w.t.p.Residual(w.a, nil) <= rounding && excess(w.a, lo, hi) <= w.d.At(len(w.a))+rounding
}

// weighted returns the points whose weights say what belongs to p, nil where rows
// do.
func weighted(p *lp.Polytope) [][]float64 {
	if p.HullOnly() {
		return p.Points()
	}
	return nil
}

// mixtures calls row for the equalities over (a, t, w) that make a the mixture of
// points by weights w.
func mixtures(points [][]float64, n int, row func(coef []float64, rhs float64)) {
	if points == nil {
		return
	}
	c := make([]float64, n+1+len(points))
	for i, weights := range hull.Weights(points) {
		copy(c[n+1:], weights)
		if i == 0 {
			row(c, 1)
			continue
		}
		c[i-1] = -1
		row(c, 0)
		c[i-1] = 0
	}
}

// fallback puts a point into a that needs the least relaxation of the bounds that are set,
// found by CLP. Where rounding defeats that too it is the known one: the bounds relax by
// more than the least then, but never by less.
func (w *Program) fallback(lo, hi []float64) {
	copy(w.a, w.t.known)
	q, n := w.t.q, len(w.a)
	q.B, q.U = w.b, slices.Clone(q.U)
	q.U[n] = max(excess(w.t.known, lo, hi), 0) + 1
	if x, _, err := q.Optimum(); err == nil && excess(x[:n], lo, hi) < excess(w.a, lo, hi) {
		copy(w.a, x[:n])
	}
}
