package clp

import (
	"fmt"
	"math"
	"runtime"
	"sync/atomic"

	"github.com/lanl/clp"

	"paspo/lp"
	"paspo/lp/internal/program"
	"paspo/lp/internal/tolerance"
	"paspo/lp/internal/vec"
	"paspo/lp/interval/relay"
)

// A clp.Simplex frees what it holds when it is finalised, and what it answers
// depends on what it has solved before: it breaks ties by random numbers that go
// on from solve to solve. So each query gets a new one. The collector, which
// sees next to nothing of that memory, is called after every garbageLimit bytes.
const (
	simplexBytes = 12 << 10
	garbageLimit = 96 << 20
)

// programs counts the linear programs that were solved.
var programs, garbage atomic.Int64

// collect accounts for bytes that only finalizers free.
func collect(bytes int64) {
	if total := garbage.Add(bytes); total >= garbageLimit && garbage.CompareAndSwap(total, 0) {
		runtime.GC()
	}
}

// worker answers queries one at a time. What it answers depends on the query
// alone.
type worker struct {
	m         *model
	tolerance float64

	matrices, pointMatrices []*program.Matrix

	simplex *clp.Simplex
	slack   float64 // by which the limits are relaxed

	r, f       []float64 // right-hand sides less the terms of the prefix: inequalities, equalities
	cols, rows []clp.Bounds
	obj        []float64
	x, y       []float64 // of segment
}

func newWorker(m *model, tolerance float64) *worker {
	return &worker{
		m: m, tolerance: tolerance,
		matrices: make([]*program.Matrix, m.n), pointMatrices: make([]*program.Matrix, m.n+1),
		r: make([]float64, m.m), f: make([]float64, m.k),
		cols: make([]clp.Bounds, max(m.n, len(m.points))), rows: make([]clp.Bounds, m.m+m.k+m.n+1),
		obj: make([]float64, max(m.n, len(m.points))),
	}
}

// interval answers the next entity of an action.
func (w *worker) interval(q *relay.Action) error {
	if q.Own && q.Entity == 0 && w.m.first != nil {
		q.Lo, q.Hi, q.Proved = w.m.first.Lo, w.m.first.Hi, w.m.first.Proved
		copy(q.AtLow, w.m.first.AtLow)
		copy(q.AtUpper, w.m.first.AtUpper)
		return nil
	}
	i := q.Entity
	if q.Excess > tolerance.Witness || q.Crossed() {
		return w.relaxed(q)
	}
	copy(q.AtLow, q.Prefix[:i])
	copy(q.AtUpper, q.Prefix[:i])
	low, high := q.AtBound(false), q.AtBound(true)
	ok := low && high
	for _, w.slack = range [...]float64{0, tolerance.Rounding} {
		if ok = ok || w.program(q, low, high); ok {
			break
		}
		if w.slack == 0 {
			if err := w.excluded(q, w.elastic(q)); err != nil {
				return err
			}
			if w.exactly(q) {
				return nil
			}
		}
	}
	if !ok {
		return w.relaxed(q)
	}
	q.Prove()
	return nil
}

// program finds the endpoints that are not known by linear programs. It reports
// whether they are proved.
func (w *worker) program(q *relay.Action, low, high bool) bool {
	points := w.overPoints(q)
	short := w.slack == 0 && w.m.n-q.Entity <= 2 && !w.m.p.NarrowHull()
	if !points || short {
		w.remaining(q)
	}
	if short {
		low = low || w.segment(q, false)
		high = high || w.segment(q, true)
	}
	loaded := low && high
	switch {
	case loaded:
	case points:
		loaded = w.loadPoints(q)
	default:
		loaded = w.loadRows(q)
	}
	return loaded && (high || w.solve(q, points, true, false)) && (low || w.solve(q, points, false, !high))
}

// overPoints reports whether the programs of q run over the weights of points.
func (w *worker) overPoints(q *relay.Action) bool {
	return w.m.points != nil && (q.Own || w.m.p.HullOnly())
}

// remaining takes the terms of the prefix off the right-hand sides.
func (w *worker) remaining(q *relay.Action) {
	n, i, form := w.m.n, q.Entity, &w.m.form
	for k, b := range q.B {
		w.r[k] = b - vec.Dot(form.A[k*n:k*n+i], q.Prefix[:i])
	}
	for k, f := range q.F {
		w.f[k] = f - vec.Dot(form.E[k*n:k*n+i], q.Prefix[:i])
	}
}

// load reports whether CLP has taken the program.
func (w *worker) load(m *program.Matrix, nc, nr int) bool {
	if !program.Loadable(m, w.cols[:nc], w.rows[:nr], w.obj[:nc]) {
		return false
	}
	collect(simplexBytes)
	w.simplex = clp.NewSimplex()
	w.simplex.SetPrimalTolerance(tolerance.Solve)
	w.simplex.SetScaling(clp.NoScaling)
	w.simplex.LoadProblem(m.PackedMatrix, w.cols[:nc], w.obj[:nc], w.rows[:nr], nil)
	return true
}

func (w *worker) loadRows(q *relay.Action) bool {
	i := q.Entity
	s := &w.m.suffix[i]
	for j := i; j < w.m.n; j++ {
		w.cols[j-i] = clp.Bounds{Lower: q.L[j], Upper: q.U[j]}
		if q.Own {
			w.cols[j-i].Upper = min(q.U[j], w.m.beyond[j])
		}
		w.obj[j-i] = 0
	}
	w.obj[0] = 1
	for r, k := range s.eqs {
		d := w.slack * w.m.form.EqScale(k, q.F[k])
		w.rows[r] = clp.Bounds{Lower: (w.f[k] - d) * s.eqScale[r], Upper: (w.f[k] + d) * s.eqScale[r]}
	}
	for r, k := range s.rows {
		w.rows[len(s.eqs)+r] = clp.Bounds{Lower: math.Inf(-1), Upper: (w.r[k] + w.slack*w.m.form.RowScale(k, q.B[k])) * s.rowScale[r]}
	}
	if w.matrices[i] == nil {
		w.matrices[i] = w.m.matrix(i, false)
	}
	return w.load(w.matrices[i], w.m.n-i, len(s.eqs)+len(s.rows))
}

func (w *worker) loadPoints(q *relay.Action) bool {
	i := q.Entity
	for v, x := range w.m.points {
		w.cols[v] = clp.Bounds{Lower: 0, Upper: 2}
		w.obj[v] = x[i]
	}
	w.rows[0] = clp.Bounds{Lower: 1, Upper: 1}
	for j := range i {
		d := w.slack * w.m.form.EntityScale(j, q.Prefix[j])
		w.rows[j+1] = clp.Bounds{Lower: q.Prefix[j] - d, Upper: q.Prefix[j] + d}
	}
	last := i
	if !q.Own {
		last = w.m.n
		for j := i; j < last; j++ {
			w.rows[j+1] = clp.Bounds{Lower: q.L[j] - w.slack*w.m.form.EntityScale(j, q.L[j]), Upper: q.U[j] + w.slack*w.m.form.EntityScale(j, q.U[j])}
		}
	}
	if w.pointMatrices[last] == nil {
		w.pointMatrices[last] = w.m.matrix(last, true)
	}
	return w.load(w.pointMatrices[last], len(w.m.points), last+1)
}

// solve finds one endpoint of the problem that is loaded and its witness. It reports
// whether both feasibility and optimality are proved.
func (w *worker) solve(q *relay.Action, points, upper, warm bool) bool {
	dir, at := clp.OptDirection(clp.Minimize), q.AtLow
	if upper {
		dir, at = clp.Maximize, q.AtUpper
	}
	w.simplex.SetOptimizationDirection(dir)
	programs.Add(1)
	var status clp.SimplexStatus
	if warm {
		status = w.simplex.Primal(clp.NoValuesPass, clp.NoStartFinishOptions)
	} else {
		status = w.simplex.Dual(clp.NoValuesPass, clp.NoStartFinishOptions)
	}
	if status != clp.Optimal {
		return false
	}
	x := w.simplex.PrimalColumnSolution()
	y := w.simplex.DualRowSolution()
	if upper {
		for k := range y {
			y[k] = -y[k]
		}
	}
	if points {
		return w.provePoints(q, x, y, at, upper)
	}
	return w.proveRows(q, x, y, at, upper)
}

// proveRows writes x to at and checks it against the bound of its duals: with
// reduced costs z = c - E' y - A' y, no endpoint can lie further out than
// f . y + r . y + sum_j z_j (l_j or u_j).
func (w *worker) proveRows(q *relay.Action, x, y, at []float64, upper bool) bool {
	i, n, form := q.Entity, w.m.n, &w.m.form
	for j := i; j < n; j++ {
		at[j] = vec.Snap(x[j-i], q.L[j], q.U[j])
	}
	tol := tolerance.Witness
	if w.slack == 0 {
		tol = tolerance.Tight
	}
	if !form.Feasible(at, q.B, q.F, q.L, q.U, tol) {
		return false
	}
	s := &w.m.suffix[i]
	gap, sens := 0., 0.
	// Both endpoints are minima here: the signs of y were changed for the upper one.
	sign := 1.
	if upper {
		sign = -1
	}
	for j := i; j < n; j++ {
		z := 0.
		if j == i {
			z = sign
		}
		scale := math.Abs(z)
		for r, k := range s.eqs {
			t := y[r] * form.E[k*n+j] * s.eqScale[r]
			z -= t
			scale += math.Abs(t)
		}
		for r, k := range s.rows {
			t := y[len(s.eqs)+r] * form.A[k*n+j] * s.rowScale[r]
			z -= t
			scale += math.Abs(t)
		}
		d := at[j] - q.L[j]
		if z < 0 {
			d = q.U[j] - at[j]
		}
		if math.IsInf(d, 0) {
			if math.Abs(z) > 1e-13*scale {
				return false
			}
			continue
		}
		gap += math.Abs(z) * d
	}
	for r, k := range s.eqs {
		sens += math.Abs(y[r]*s.eqScale[r]) * form.EqScale(k, q.F[k])
	}
	for r, k := range s.rows {
		t := y[len(s.eqs)+r] * s.rowScale[r]
		sens += math.Abs(t) * form.RowScale(k, q.B[k])
		if t > 0 {
			// A multiplier of this sign is rounding: it is no part of the bound.
			if t > 1e-13 {
				return false
			}
			continue
		}
		if t == 0 {
			continue
		}
		gap -= t * max(0, q.B[k]+w.slack*form.RowScale(k, q.B[k])-vec.Dot(form.A[k*n:(k+1)*n], at))
	}
	return sens <= tolerance.Sensitivity*w.m.form.Size[i] && gap <= tolerance.Gap*w.m.form.EntityScale(i, at[i])
}

// provePoints is proveRows for a program over the points, where sum w = 1 makes
// a_P . y_P + y_0 + min_v z_v a bound, z_v = v_i - v_P . y_P - y_0. Bounds of a state,
// where there are any, take the place of a for the other entities.
func (w *worker) provePoints(q *relay.Action, x, y, at []float64, upper bool) bool {
	i := q.Entity
	sum := 0.
	for v, weight := range x {
		x[v] = max(0, weight)
		sum += x[v]
	}
	for j := i; j < len(at); j++ {
		at[j] = 0
		for v, weight := range x {
			at[j] += weight / sum * w.m.points[v][j]
		}
		at[j] = vec.Snap(at[j], q.L[j], q.U[j])
	}
	if !w.m.form.Feasible(at, q.B, q.F, q.L, q.U, tolerance.Witness) {
		return false
	}
	sign := 1.
	if upper {
		sign = -1
	}
	bound := y[0] + vec.Dot(y[1:i+1], q.Prefix[:i])
	for j, a := range q.Prefix[:i] {
		bound -= w.slack * w.m.form.EntityScale(j, a) * math.Abs(y[j+1])
	}
	rest := y[i+1:] // of rows of bounds
	for x, t := range rest {
		j := i + x
		switch {
		case t > 0 && !math.IsInf(q.L[j], 0):
			bound += t * (q.L[j] - w.slack*w.m.form.EntityScale(j, q.L[j]))
		case t < 0 && !math.IsInf(q.U[j], 0):
			bound += t * (q.U[j] + w.slack*w.m.form.EntityScale(j, q.U[j]))
		default:
			rest[x] = 0
		}
	}
	least := math.Inf(1)
	for _, v := range w.m.points {
		least = min(least, sign*v[i]-y[0]-vec.Dot(y[1:i+1], v[:i])-vec.Dot(rest, v[i:]))
	}
	sens := math.Abs(y[0])
	for j, t := range y[1:] {
		if t != 0 {
			sens += math.Abs(t) * w.m.form.Size[j]
		}
	}
	return sens <= tolerance.Sensitivity*w.m.form.Size[i] && math.Abs(sign*at[i]-bound-least) <= tolerance.Gap*w.m.form.EntityScale(i, at[i])
}

// unboundedError says that no limit bounds an entity on one side.
func unboundedError(q *relay.Action, p *lp.Polytope) error {
	return fmt.Errorf("lp: entity %s is unbounded under these limits: a bound, a row or a total has to limit it", p.Entities()[q.Entity])
}
