package lp

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"runtime"

	"github.com/lanl/clp"

	"paspo/lp/internal/vec"
)

const (
	// clpTolerance is the primal tolerance given to CLP, whose default is 1e-7.
	clpTolerance = 1e-10

	// Feasibility is the scaled residual up to which a point counts as feasible.
	Feasibility = 1e-9

	// emptiness is the least relaxation of all limits, scaled, up to which a set
	// counts as non-empty. With CLP's tolerance on top a point of it is feasible.
	emptiness = 5e-10

	// costScale is what the largest cost is scaled to: CLP's dual tolerance of
	// 1e-7 cannot be set, so that costs are made large against it.
	costScale = 1 << 10
)

var (
	errInfeasible = errors.New("lp: infeasible")
	errUnbounded  = errors.New("lp: unbounded")
)

// Minimize returns a minimiser of c . a over the polytope and the least value,
// to maximise pass -c. The minimiser satisfies every constraint to a scaled
// residual of 1e-9. A nil lim means the polytope's own limits; limits that leave
// nothing give an *EmptyError.
//
// Minimize panics if len(c), or the length of a limit, is bad. It may be called
// concurrently, takes about 100 us and is no way to compute intervals: see Solver.
func (p *Polytope) Minimize(c []float64, lim *Limits) (x []float64, value float64, err error) {
	if len(c) != p.Dim() {
		panic(badLength)
	}
	for j, v := range c {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, 0, fmt.Errorf("lp: cost of %s: %g is not a finite number", p.entities[j], v)
		}
	}
	if lim != nil {
		p.under(lim).limits(lim) // panics where a length is bad
	}
	if q := p.Canonical(); q != p {
		x, _, err = q.Minimize(p.costs(c), p.canonicalLimits(lim))
		if err != nil {
			return nil, 0, err
		}
		x = p.stated(x)
		return x, vec.Dot(c, x), nil
	}
	if p.points != nil && (lim == nil || lim.own()) {
		value = math.Inf(1)
		for _, v := range p.points {
			if cv, _ := vec.DotScale(c, v); cv < value {
				x, value = v, cv
			}
		}
		return append([]float64(nil), x...), value, nil
	}
	if p.hull != nil {
		return p.minimizeLifted(c, lim)
	}
	p = p.under(lim)
	b, f, l, u := p.limits(lim)
	x, value, err = p.program(c, b, f, l, u).optimum()
	if err != nil {
		err = p.refusal(err, lim)
	}
	return x, value, err
}

// linprog minimises c . x subject to A x <= b, E x = f, l <= x <= u, where A
// and E are row-major with len(c) columns. Its solution has a scaled residual of
// at most 1e-9, or the error is errInfeasible, errUnbounded or another.
//
// Limits that contradict one another by no more than rounding are relaxed by as
// much. Whether they do is a matter of the limits alone, whatever the cost: see
// witness.
func linprog(c, a, b, e, f, l, u []float64) (x []float64, value float64, err error) {
	p := program{c: c, a: a, b: b, e: e, f: f, l: l, u: u}
	return p.optimum()
}

// program returns the linear program over p under the given limits.
func (p *Polytope) program(c, b, f, l, u []float64) *program {
	return &program{c: c, a: p.a, b: b, e: p.e, f: f, l: l, u: u, size: p.size, rowSize: p.rowSize, eqSize: p.eqSize}
}

// optimum is what linprog returns.
func (p *program) optimum() (x []float64, value float64, err error) {
	p.setScales()
	x, err = p.minimize(p)
	if err != nil && !errors.Is(err, errUnbounded) {
		var w *witness
		if w, err = p.witness(); err == nil {
			x = p.rounded(w)
		}
	}
	if err != nil {
		return nil, 0, err
	}
	for j, v := range x {
		value += p.c[j] * v
	}
	return x, value, nil
}

// minimize solves p and checks the solution against strict, which is p or what
// p relaxes.
//
// What CLP says is not taken for granted: a solution is checked, and a verdict
// without one is asked for again from another algorithm on other scales.
func (p *program) minimize(strict *program) ([]float64, error) {
	for j := range p.l {
		if p.l[j] > p.u[j] {
			return nil, errInfeasible
		}
	}
	if len(p.b)+len(p.f) == 0 {
		return p.box()
	}
	infeasible, unbounded := 0, 0
	var last clp.SimplexStatus
	for _, try := range [...]struct {
		primal  bool
		scaling clp.Scaling
	}{{false, clp.AutoScaling}, {true, clp.NoScaling}, {true, clp.GeometricScaling}, {false, clp.NoScaling}} {
		status, x := p.solve(try.primal, try.scaling)
		switch last = status; {
		case status == notLoaded:
			return nil, errNotLoaded
		case status == clp.Optimal && strict.residual(x) <= Feasibility:
			return x, nil
		case status == clp.Infeasible:
			infeasible++
		case status == clp.Unbounded:
			unbounded++
		}
		if infeasible == 2 {
			return nil, errInfeasible
		}
		if unbounded == 2 {
			return nil, errUnbounded
		}
	}
	return nil, fmt.Errorf("lp: CLP finds no solution to a scaled residual of %g (last status %d): the coefficients differ too much in size", Feasibility, last)
}

// program is one linear program. The variables that CLP sees are x/unit, the
// costs c*cost.
type program struct {
	c, a, b, e, f, l, u []float64

	unit, cost float64

	// What residuals of entities, rows and equalities are measured in beside their
	// limits; nil for 1, and what a row comes to.
	size, rowSize, eqSize []float64

	tolerance float64 // primal, given to CLP; 0 for clpTolerance

	duals []float64 // of the rows, A then E, of the last solution
}

// mostUnit bounds the unit that bounds may ask for: one may be far beyond all that
// rows leave.
const mostUnit = 1024

// setScales chooses the unit of the variables, a power of two near the size of
// the right-hand sides, so that tolerances mean the same for a budget of 1 and
// of 1e9, and the scale of the costs.
func (p *program) setScales() {
	n := len(p.c)
	size := 0.
	for k, v := range p.f {
		if s := vec.MaxAbs(p.e[k*n : (k+1)*n]); s > 0 {
			size = max(size, math.Abs(v)/s)
		}
	}
	if size <= Feasibility { // rounding of entities that cancel out
		size = 0
		for j := range n {
			for _, v := range [...]float64{p.l[j], p.u[j]} {
				if !math.IsInf(v, 0) {
					size = max(size, min(math.Abs(v), mostUnit))
				}
			}
		}
	}
	p.unit, p.cost = vec.PowerOfTwo(size), costScale/vec.PowerOfTwo(vec.MaxAbs(p.c))
}

func (p *program) solve(primal bool, scaling clp.Scaling) (clp.SimplexStatus, []float64) {
	n := len(p.c)
	m := len(p.b) + len(p.f)
	matrix := newCLPMatrix()
	matrix.SetDimensions(m, 0)
	entries := make([]clp.Nonzero, 0, m)
	cols, costs := make([]clp.Bounds, n), make([]float64, n)
	for j := range n {
		entries = entries[:0]
		for k := range p.b {
			if v := p.a[k*n+j]; v != 0 {
				entries = append(entries, clp.Nonzero{Index: k, Value: v})
			}
		}
		for k := range p.f {
			if v := p.e[k*n+j]; v != 0 {
				entries = append(entries, clp.Nonzero{Index: len(p.b) + k, Value: v})
			}
		}
		matrix.AppendColumn(entries)
		cols[j] = clp.Bounds{Lower: p.l[j] / p.unit, Upper: p.u[j] / p.unit}
		costs[j] = p.c[j] * p.cost
	}
	rows := make([]clp.Bounds, 0, m)
	for _, v := range p.b {
		rows = append(rows, clp.Bounds{Lower: math.Inf(-1), Upper: v / p.unit})
	}
	for _, v := range p.f {
		rows = append(rows, clp.Bounds{Lower: v / p.unit, Upper: v / p.unit})
	}
	if !loadable(matrix, cols, rows, costs) {
		return notLoaded, nil
	}
	s := clp.NewSimplex()
	s.SetPrimalTolerance(cmp.Or(p.tolerance, clpTolerance))
	s.SetOptimizationDirection(clp.Minimize)
	s.SetScaling(scaling)
	s.SetMaxIterations(10_000 + 100*(m+n))
	s.LoadProblem(matrix.PackedMatrix, cols, costs, rows, nil)
	// The collector must see what CLP holds until a finalizer frees it.
	ballast := make([]byte, 1<<15+64*(n+m)+32*n*m)
	var status clp.SimplexStatus
	if primal {
		status = s.Primal(clp.NoValuesPass, clp.NoStartFinishOptions)
	} else {
		status = s.Dual(clp.NoValuesPass, clp.NoStartFinishOptions)
	}
	x := s.PrimalColumnSolution()
	p.duals = s.DualRowSolution()
	runtime.KeepAlive(s)
	runtime.KeepAlive(ballast)
	for j := range x {
		// A bound is missed by CLP's tolerance at most.
		x[j] = min(max(x[j]*p.unit, p.l[j]), p.u[j])
	}
	return status, x
}

// residual returns the largest scaled residual of x.
func (p *program) residual(x []float64) float64 {
	r := math.Inf(-1)
	n := len(x)
	for k, v := range p.b {
		ax, scale := vec.DotScale(p.a[k*n:(k+1)*n], x)
		r = max(r, scaledExcess(ax, v, sizeOr(p.rowSize, k, max(1, scale))))
	}
	for k, v := range p.f {
		ax, scale := vec.DotScale(p.e[k*n:(k+1)*n], x)
		r = max(r, math.Abs(scaledExcess(ax, v, sizeOr(p.eqSize, k, max(1, scale)))))
	}
	for j, v := range x {
		scale := sizeOr(p.size, j, max(1, math.Abs(v)))
		r = max(r, scaledExcess(-v, -p.l[j], scale), scaledExcess(v, p.u[j], scale))
	}
	return r
}

func sizeOr(size []float64, k int, def float64) float64 {
	if size == nil {
		return def
	}
	return size[k]
}

// box solves a program without rows.
func (p *program) box() ([]float64, error) {
	x := make([]float64, len(p.c))
	for j, c := range p.c {
		switch {
		case c > 0:
			x[j] = p.l[j]
		case c < 0:
			x[j] = p.u[j]
		default:
			x[j] = min(max(0, p.l[j]), p.u[j])
		}
		if math.IsInf(x[j], 0) {
			return nil, errUnbounded
		}
	}
	return x, nil
}
