package relax

import (
	"fmt"
	"math"

	"paspo/envs"
	"paspo/lp"
)

const (
	// relaxMargin is added to the least relaxation, and is the least room a state
	// leaves: a set of a single point would be empty to a solver that rounds.
	relaxMargin = 1e-9

	// relaxLow bounds t from below, far enough from -relaxMargin that rounding there
	// makes no relaxation.
	relaxLow = -2 * relaxMargin

	// knownMargin is the room, within the limits that follow the state, with which a
	// known point shows that nothing has to relax. It is far above knownResidual, so
	// that a linear program could not say otherwise.
	knownMargin = 1e-6

	// knownResidual is the scaled residual that such a point may have in the
	// constraints that stay.
	knownResidual = 1e-9
)

// program finds the least amount by which bounds lo <= a <= hi that follow the
// state have to relax, so that with the constraints of a polytope P they leave
// something:
//
//	t(lo, hi) = min t  subject to  a in P,  lo - t <= a <= hi + t,  t >= relaxLow.
//
// The bounds then relax by max(0, t + relaxMargin). Where P is a hull without facets,
// its points have weights beside a and t (see weighted). Everything but lo and hi is the
// same in every state, so the program starts from one tableau. A program is
// used by one goroutine at a time and allocates nothing.
type program struct {
	p     *lp.Polytope
	known []float64 // a point of P
	s     *simplex
	a     []float64

	// Rows of a_j + t >= lo_j and a_j - t <= hi_j.
	lowRow, highRow []int

	fallbacks int // solutions that the tableau left to lp
}

// Template is what the programs of one problem share.
type Template struct {
	p        *lp.Polytope
	known    []float64
	template *simplex
	low      []int
	high     []int
}

// New is for bounds that are finite at most where limited says so: lower
// and upper ones.
func New(p *lp.Polytope, lower, upper func(j int) bool) (*Template, error) {
	n := p.Dim()
	known, err := envs.EqualWeights(p)
	if err != nil {
		return nil, err
	}
	w := &Template{p: p, known: known, low: make([]int, n), high: make([]int, n)}
	points := weighted(p)
	s := newSimplex(n + 1 + len(points))
	l, u := p.Bounds()
	copy(s.lo, l)
	copy(s.hi, u)
	s.lo[n], s.hi[n] = relaxLow, math.Inf(1)
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
		w.low[j], w.high[j] = -1, -1
		clear(coef)
		coef[j] = 1
		if lower(j) {
			coef[n] = 1
			w.low[j] = s.row(coef, math.Inf(-1), math.Inf(1))
		}
		if upper(j) {
			coef[n] = -1
			w.high[j] = s.row(coef, math.Inf(-1), math.Inf(1))
		}
	}
	w.template = s
	return w, nil
}

func (w *Template) new() *program {
	return &program{
		p: w.p, known: w.known, s: w.template.clone(), a: make([]float64, w.p.Dim()),
		lowRow: w.low, highRow: w.high,
	}
}

// least returns by how much lo and hi have to relax, 0 where they leave room for
// themselves. It first tries points that are likely to be left: candidates, nil
// ones left out, and a point of P.
func (w *program) least(lo, hi []float64, candidates ...[]float64) float64 {
	for j := range lo {
		if math.IsNaN(lo[j]) || math.IsNaN(hi[j]) {
			return math.NaN()
		}
	}
	for _, a := range candidates {
		if a != nil && w.leaves(a, lo, hi) {
			return 0
		}
	}
	if w.leaves(w.known, lo, hi) {
		return 0
	}
	for j := range lo {
		if k := w.lowRow[j]; k >= 0 {
			w.s.lo[k] = lo[j]
		}
		if k := w.highRow[j]; k >= 0 {
			w.s.hi[k] = hi[j]
		}
	}
	if !w.s.solve() || !w.accept(lo, hi) {
		w.fallbacks++
		w.fallback(lo, hi)
	}
	return max(0, excess(w.a, lo, hi)+relaxMargin)
}

// leaves says whether a shows that nothing has to relax.
func (w *program) leaves(a, lo, hi []float64) bool {
	return excess(a, lo, hi) <= -knownMargin && w.p.Residual(a, nil) <= knownResidual
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

// accept checks the solution of the tableau against the constraints themselves
// and puts it into a.
func (w *program) accept(lo, hi []float64) bool {
	n := len(w.a)
	w.s.values(w.a)
	l, u := w.p.Bounds()
	for j, x := range w.a {
		w.a[j] = min(max(x, l[j]), u[j])
	}
	const rounding = 1e-11
	return w.p.Residual(w.a, nil) <= rounding && excess(w.a, lo, hi) <= w.s.value(n)+rounding
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

// fallback puts a point into a that needs the least relaxation, found by lp. Where
// rounding defeats that too it is the known one: more than the least is given
// then, but never less.
func (w *program) fallback(lo, hi []float64) {
	copy(w.a, w.known)
	d := lp.Description{Entities: make([]string, 0, len(lo)+1), Total: math.NaN()}
	n := len(lo)
	names := w.p.Entities()
	l, u := w.p.Bounds()
	d.Entities = append(append(d.Entities, names...), "relaxation "+names[0])
	d.Lower = append(append(d.Lower, l...), relaxLow)
	d.Upper = append(append(d.Upper, u...), max(excess(w.known, lo, hi), 0)+1)
	points := weighted(w.p)
	for v := range points {
		d.Entities = append(d.Entities, fmt.Sprintf("weight %d", v+1)+" "+names[0])
		d.Lower, d.Upper = append(d.Lower, 0), append(d.Upper, 1)
	}
	row := func(c []float64, min, max float64) {
		if !math.IsInf(min, -1) || !math.IsInf(max, 1) {
			d.Rows = append(d.Rows, lp.Row{Coef: append([]float64(nil), c...), Min: min, Max: max})
		}
	}
	c := make([]float64, n+1+len(points))
	a, b, _ := w.p.Inequalities()
	for k, x := range b {
		copy(c, a[k*n:(k+1)*n])
		row(c, math.Inf(-1), x)
	}
	e, f, _ := w.p.Equalities()
	for k, x := range f {
		copy(c, e[k*n:(k+1)*n])
		row(c, x, x)
	}
	mixtures(points, n, func(c []float64, rhs float64) { row(c, rhs, rhs) })
	for j := range n {
		clear(c)
		c[j], c[n] = 1, 1
		row(c, lo[j], math.Inf(1))
		c[n] = -1
		row(c, math.Inf(-1), hi[j])
	}
	lifted, err := lp.New(d)
	if err != nil {
		return
	}
	clear(c)
	c[n] = 1
	if x, _, err := lifted.Minimize(c, nil); err == nil && excess(x[:n], lo, hi) < excess(w.a, lo, hi) {
		copy(w.a, x[:n])
	}
}
