package program

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"

	"github.com/lanl/clp"

	"paspo/lp/internal/vec"
)

const (
	// clpTolerance is the primal tolerance given to CLP, whose default is 1e-7.
	clpTolerance = 1e-10

	// Feasible is the scaled residual up to which a point counts as feasible.
	Feasible = 1e-9

	// Emptiness is the least relaxation of all limits, scaled, up to which a set
	// counts as non-empty. With CLP's tolerance on top a point of it is feasible.
	Emptiness = 5e-10

	// Decimals is Emptiness for a set that is empty in rational arithmetic: decimal fractions,
	// and a few sums of them, do not add up to the last bit.
	Decimals = 1e-14

	// CostScale is what the largest cost is scaled to: CLP's dual tolerance of
	// 1e-7 cannot be set, so that costs are made large against it.
	CostScale = 1 << 10
)

// A program without a solution is one of these.
var (
	ErrInfeasible = errors.New("lp: infeasible")
	ErrUnbounded  = errors.New("lp: unbounded")
)

// Solve minimises c . x subject to A x <= b, E x = f, l <= x <= u, where A
// and E are row-major with len(c) columns. Its solution has a scaled residual of
// at most 1e-9, or the error is ErrInfeasible, ErrUnbounded or another.
//
// Limits that contradict one another by no more than rounding are relaxed by as
// much. Whether they do is a matter of the limits alone, whatever the cost: see
// witness.
func Solve(c, a, b, e, f, l, u []float64) (x []float64, value float64, err error) {
	p := Program{C: c, A: a, B: b, E: e, F: f, L: l, U: u}
	return p.Optimum()
}

// Optimum is what Solve returns.
func (p *Program) Optimum() (x []float64, value float64, err error) {
	p.SetScales()
	x, err = p.Minimize(p)
	if err != nil && !errors.Is(err, ErrUnbounded) {
		var w *witness
		if w, err = p.witness(); err == nil {
			x = p.rounded(w)
		}
	}
	if err != nil {
		return nil, 0, err
	}
	for j, v := range x {
		value += p.C[j] * v
	}
	return x, value, nil
}

// Minimize solves p and checks the solution against strict, which is p or what
// p relaxes.
//
// The solution of CLP is checked. Where CLP finds none, another algorithm is asked on other
// scales.
func (p *Program) Minimize(strict *Program) ([]float64, error) {
	for j := range p.L {
		if p.L[j] > p.U[j] {
			return nil, ErrInfeasible
		}
	}
	if len(p.B)+len(p.F) == 0 {
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
			return nil, ErrTooLarge
		case status == clp.Optimal && strict.Residual(x) <= Feasible:
			return x, nil
		case status == clp.Infeasible:
			infeasible++
		case status == clp.Unbounded:
			unbounded++
		}
		if infeasible == 2 {
			return nil, ErrInfeasible
		}
		if unbounded == 2 && p.recedes() {
			return nil, ErrUnbounded
		}
	}
	return nil, fmt.Errorf("lp: CLP finds no solution to a scaled residual of %g (last status %d): the coefficients differ too much in size", Feasible, last)
}

// recedes reports whether the value falls without end along some direction that no limit
// ends. CLP says so too where limits contradict one another by rounding.
func (p *Program) recedes() bool {
	r := Rational{A: p.A, B: slices.Clone(p.B), E: p.E, F: make([]float64, len(p.F)), L: slices.Clone(p.L), U: slices.Clone(p.U)}
	for k, v := range p.B {
		if !math.IsInf(v, 1) {
			r.B[k] = 0
		}
	}
	for j := range p.L {
		r.L[j], r.U[j] = -1, 1
		if !math.IsInf(p.L[j], -1) {
			r.L[j] = 0
		}
		if !math.IsInf(p.U[j], 1) {
			r.U[j] = 0
		}
	}
	v, ok := r.Minimize(p.C)
	return ok && v.Sign() < 0
}

// Program is one linear program. The variables that CLP sees are x/unit, the
// costs c*cost.
type Program struct {
	C, A, B, E, F, L, U []float64

	Unit, Cost float64

	// Residuals of entities, rows and equalities are measured in these beside their limits; nil
	// stands for what scale returns.
	Size, RowSize, EqSize []float64

	Tolerance float64 // primal, given to CLP; 0 for clpTolerance

	Duals []float64 // of the rows, A then E, of the last solution
}

// mostUnit bounds the unit that bounds may ask for: a bound may be far beyond what rows let an
// entity be.
const mostUnit = 1024

// SetScales chooses the unit of the variables, a power of two near the size of
// the right-hand sides, so that tolerances mean the same for a budget of 1 and
// of 1e9, and the scale of the costs.
func (p *Program) SetScales() {
	n := len(p.C)
	size := 0.
	for k, v := range p.F {
		if s := vec.MaxAbs(p.E[k*n : (k+1)*n]); s > 0 {
			size = max(size, math.Abs(v)/s)
		}
	}
	if size <= Feasible { // rounding of entities that cancel out
		size = 0
		for j := range n {
			for _, v := range [...]float64{p.L[j], p.U[j]} {
				if !math.IsInf(v, 0) {
					size = max(size, min(math.Abs(v), mostUnit))
				}
			}
		}
	}
	p.Unit, p.Cost = vec.PowerOfTwo(size), CostScale/vec.PowerOfTwo(vec.MaxAbs(p.C))
}

func (p *Program) solve(primal bool, scaling clp.Scaling) (clp.SimplexStatus, []float64) {
	n := len(p.C)
	m := len(p.B) + len(p.F)
	matrix := NewMatrix()
	matrix.SetDimensions(m, 0)
	entries := make([]clp.Nonzero, 0, m)
	cols, costs := make([]clp.Bounds, n), make([]float64, n)
	for j := range n {
		entries = entries[:0]
		for k := range p.B {
			if v := p.A[k*n+j]; v != 0 {
				entries = append(entries, clp.Nonzero{Index: k, Value: v})
			}
		}
		for k := range p.F {
			if v := p.E[k*n+j]; v != 0 {
				entries = append(entries, clp.Nonzero{Index: len(p.B) + k, Value: v})
			}
		}
		matrix.AppendColumn(entries)
		cols[j] = clp.Bounds{Lower: p.L[j] / p.Unit, Upper: p.U[j] / p.Unit}
		costs[j] = p.C[j] * p.Cost
	}
	rows := make([]clp.Bounds, 0, m)
	for _, v := range p.B {
		rows = append(rows, clp.Bounds{Lower: math.Inf(-1), Upper: v / p.Unit})
	}
	for _, v := range p.F {
		rows = append(rows, clp.Bounds{Lower: v / p.Unit, Upper: v / p.Unit})
	}
	if !Loadable(matrix, cols, rows, costs) {
		return notLoaded, nil
	}
	s := clp.NewSimplex()
	s.SetPrimalTolerance(cmp.Or(p.Tolerance, clpTolerance))
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
	p.Duals = s.DualRowSolution()
	runtime.KeepAlive(s)
	runtime.KeepAlive(ballast)
	for j := range x {
		// A bound is missed by CLP's tolerance at most.
		x[j] = min(max(x[j]*p.Unit, p.L[j]), p.U[j])
	}
	return status, x
}

// Residual returns the largest scaled residual of x.
func (p *Program) Residual(x []float64) float64 {
	r := math.Inf(-1)
	n := len(x)
	for k, v := range p.B {
		ax, scale := vec.DotScale(p.A[k*n:(k+1)*n], x)
		r = max(r, vec.ScaledExcess(ax, v, sizeOr(p.RowSize, k, max(1, scale))))
	}
	for k, v := range p.F {
		ax, scale := vec.DotScale(p.E[k*n:(k+1)*n], x)
		r = max(r, math.Abs(vec.ScaledExcess(ax, v, sizeOr(p.EqSize, k, max(1, scale)))))
	}
	for j, v := range x {
		scale := sizeOr(p.Size, j, max(1, math.Abs(v)))
		r = max(r, vec.ScaledExcess(-v, -p.L[j], scale), vec.ScaledExcess(v, p.U[j], scale))
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
func (p *Program) box() ([]float64, error) {
	x := make([]float64, len(p.C))
	for j, c := range p.C {
		switch {
		case c > 0:
			x[j] = p.L[j]
		case c < 0:
			x[j] = p.U[j]
		default:
			x[j] = min(max(0, p.L[j]), p.U[j])
		}
		if math.IsInf(x[j], 0) {
			return nil, ErrUnbounded
		}
	}
	return x, nil
}
