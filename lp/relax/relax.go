package relax

import (
	"math"
	"slices"

	"paspo/lp"
	"paspo/lp/internal/program"
)

const (
	// Margin is added to the least relaxation, so that the bounds leave more than a single
	// point, which would be empty to a solver that rounds.
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
// same in every state, so the program starts from one tableau. A program is
// used by one goroutine at a time. It allocates nothing but where the tableau fails.
type Program struct {
	t         *Template
	s         *simplex  // its own copy
	a         []float64 // an allocation that needs the least relaxation
	fallbacks int
}

// Template is what the programs of one polytope share.
type Template struct {
	p        *lp.Polytope
	known    []float64 // a point of P
	template *simplex

	// Rows of a_j + t >= lo_j and a_j - t <= hi_j, -1 where there is none.
	lowRow, highRow []int
}

// New is for bounds that are finite at most where lower and upper say so. The point
// known is in p.
func New(p *lp.Polytope, known []float64, lower, upper func(j int) bool) *Template {
	n := p.Dim()
	w := &Template{p: p, known: known, lowRow: make([]int, n), highRow: make([]int, n)}
	points := weighted(p)
	s := newSimplex(n + 1 + len(points))
	l, u := p.Bounds()
	copy(s.lo, l)
	copy(s.hi, u)
	s.lo[n], s.hi[n] = lowest, math.Inf(1)
	s.cost[n] = 1
	for v := range points {
		s.hi[n+1+v] = 1
	}

	coef := make([]float64, n+1+len(points))
	scaled := func(row []float64, lo, hi float64) {
		var size float64
		for _, c := range row {
			size = max(size, math.Abs(c))
		}
		if size == 0 {
			return
		}
		for j, c := range row {
			coef[j] = c / size
		}
		coef[n] = 0
		s.row(coef, lo/size, hi/size)
	}
	a, b, _ := p.Inequalities()
	for k, x := range b {
		scaled(a[k*n:(k+1)*n], math.Inf(-1), x)
	}
	e, f, _ := p.Equalities()
	for k, x := range f {
		scaled(e[k*n:(k+1)*n], x, x)
	}
	mixtures(points, n, func(c []float64, rhs float64) { s.row(c, rhs, rhs) })
	for j := range n {
		w.lowRow[j], w.highRow[j] = -1, -1
		clear(coef)
		coef[j] = 1
		if lower(j) {
			coef[n] = 1
			w.lowRow[j] = s.row(coef, math.Inf(-1), math.Inf(1))
		}
		if upper(j) {
			coef[n] = -1
			w.highRow[j] = s.row(coef, math.Inf(-1), math.Inf(1))
		}
	}
	w.template = s
	return w
}

// Program returns a program with bounds of its own.
func (w *Template) Program() *Program {
	return &Program{t: w, s: w.template.clone(), a: make([]float64, w.p.Dim())}
}

// Least returns by how much lo and hi have to relax, 0 where some allocation satisfies
// them as they are, and an allocation that satisfies them then. That one is overwritten by
// the next call. It is NaN, and no allocation, where a bound is. Points that are likely to
// be left come first: candidates, nil ones left out, and the one that is known.
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
	if !w.s.solve() || !w.accept(lo, hi) {
		w.fallbacks++
		w.fallback(lo, hi)
	}
	return max(0, Excess(w.a, lo, hi)+Margin), w.a
}

// Fallbacks returns how many solutions the tableau left to CLP.
func (w *Program) Fallbacks() int { return w.fallbacks }

// set sets the bounds of the tableau.
func (w *Program) set(lo, hi []float64) {
	for j := range lo {
		if k := w.t.lowRow[j]; k >= 0 {
			w.s.lo[k] = lo[j]
		}
		if k := w.t.highRow[j]; k >= 0 {
			w.s.hi[k] = hi[j]
		}
	}
}

// suffices says whether a shows that nothing has to relax.
func (w *Program) suffices(a, lo, hi []float64) bool {
	return Excess(a, lo, hi) <= -knownMargin && w.t.p.Residual(a, nil) <= knownResidual
}

// Excess returns the largest amount by which a is outside of lo..hi, negative
// where it is inside.
func Excess(a, lo, hi []float64) float64 {
	e := math.Inf(-1)
	for j, x := range a {
		e = max(e, lo[j]-x, x-hi[j])
	}
	return e
}

// accept checks the solution of the tableau against the constraints themselves
// and puts it into a.
func (w *Program) accept(lo, hi []float64) bool {
	n := len(w.a)
	w.s.values(w.a)
	l, u := w.t.p.Bounds()
	for j, x := range w.a {
		w.a[j] = min(max(x, l[j]), u[j])
	}
	const rounding = 1e-11
	return w.t.p.Residual(w.a, nil) <= rounding && Excess(w.a, lo, hi) <= w.s.value(n)+rounding
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
	for v := range points {
		c[n+1+v] = 1
	}
	row(c, 1)
	for j := range n {
		clear(c)
		c[j] = -1
		for v, x := range points {
			c[n+1+v] = x[j]
		}
		row(c, 0)
	}
}

// fallback puts a point into a that needs the least relaxation of the bounds that are set,
// found by CLP. Where rounding defeats that too it is the known one: the bounds relax by
// more than the least then, but never by less.
func (w *Program) fallback(lo, hi []float64) {
	copy(w.a, w.t.known)
	s, n := w.s, len(w.a)
	q := program.Program{C: s.cost, L: s.lo[:s.cols], U: slices.Clone(s.hi[:s.cols])}
	q.U[n] = max(Excess(w.t.known, lo, hi), 0) + 1
	for i := range s.rows {
		row := s.forms[i*s.cols : (i+1)*s.cols]
		l, u := s.lo[s.cols+i], s.hi[s.cols+i]
		if l == u {
			q.E, q.F = append(q.E, row...), append(q.F, u)
			continue
		}
		if !math.IsInf(u, 1) {
			q.A, q.B = append(q.A, row...), append(q.B, u)
		}
		if !math.IsInf(l, -1) {
			for _, c := range row {
				q.A = append(q.A, -c)
			}
			q.B = append(q.B, -l)
		}
	}
	if x, _, err := q.Optimum(); err == nil && Excess(x[:n], lo, hi) < Excess(w.a, lo, hi) {
		copy(w.a, x[:n])
	}
}
