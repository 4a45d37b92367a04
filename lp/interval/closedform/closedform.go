package closedform

import (
	"math"
	"time"

	"paspo/lp"
	"paspo/lp/internal/pieces"
	"paspo/lp/internal/program"
	"paspo/lp/internal/tolerance"
	"paspo/lp/internal/vec"
	"paspo/lp/interval/relay"
)

// Intervals is the closed form of all intervals of a polytope: both endpoints of
// entity i are affine in a short vector rho that the prefix determines,
//
//	lo_i = l_i + max(0, max_p w_p . rho),   hi_i = l_i + min_q w_q . rho
//
// (docs/method.md, section 3). It is of one of two kinds.
//
// Dual: rho holds right-hand sides less the terms of the prefix, of the polytope shifted to
// l = 0: b - A l - A_P z_P, u - l and e - E l - E_P z_P with z = a - l. The w are
// vertices of the dual of the interval's linear program, which no limit enters.
//
// Facets: rho is (1, a_P) and the w are the facets of the projection of P onto
// the first i+1 entities, or dual pieces written so. This holds for the
// polytope's own limits alone.
//
// An endpoint computed in floating point is the exact one of limits that differ by
// rounding, however large w is: a weight multiplies what its limit holds. An
// action chosen between such endpoints has a prefix that is infeasible by rounding at
// most, and rounding does not add up along the chain.
type Intervals struct {
	p    *lp.Polytope
	form program.Form
	side string // "dual" or "facets"
	size int    // of rho

	endpoints []endpoints
	own       []endpoints // those pieces that the polytope's own limits need

	done int // entities before it are not compiled: the budget ended there

	all, needed []*pieces.Pieces // of endpoints and own

	took   time.Duration // to compile
	steps  int
	within Budget

	// Dual only.
	rows  []int // inequalities in rho, then
	caps  []int // entities whose upper bounds are in rho, then all equalities
	cols  [][]float64
	floor []float64 // what z is counted from, 0 where the entity has no lower bound
	free  []bool    // no lower bound
	fixed []bool    // l = u
	begin []float64 // rho of the empty prefix under the polytope's own limits

	// anyLimits says that the pieces hold whatever the limits are; empty then holds the
	// rays that prove limits empty: w . rho > 0 for some of them.
	anyLimits bool
	empty     []float64
	emptySens []float64

	// start needs these of the rays and of the polytope's own bounds.
	rays      *pieces.Pieces
	raysSens  float64 // the least
	capped    []bool
	shifts    []float64 // of the rows, then of the equalities, by the own lower bounds
	countable bool
}

// endpoints are the pieces of one interval. The weights of a piece are stride
// consecutive numbers. sens is how far a piece moves, at most, when every limit
// is relaxed by its scale.
type endpoints struct {
	stride               int
	lower, upper         []float64
	lowerSens, upperSens []float64
	floor                bool // z >= 0 beside the lower pieces
	ill                  bool // the sensitivity of some piece is beyond tolerance.Sensitivity
	facets               bool // found as facets, not as dual vertices
}

// prepare makes the pieces ready for evaluation.
func (f *Intervals) prepare() {
	f.all, f.needed = make([]*pieces.Pieces, len(f.endpoints)), make([]*pieces.Pieces, len(f.endpoints))
	for i := range f.endpoints {
		e := &f.endpoints[i]
		f.all[i] = pieces.New(e.stride, e.floor, e.lower, e.upper)
		e.ill = e.isIll()
		e = &f.own[i]
		e.ill = e.isIll()
		f.needed[i] = pieces.New(e.stride, e.floor, e.lower, e.upper)
	}
	if !f.anyLimits {
		return
	}
	n := f.p.Dim()
	f.rays, f.raysSens = pieces.New(f.size, false, f.empty, nil), math.Inf(1)
	for _, g := range f.emptySens {
		f.raysSens = min(f.raysSens, g)
	}
	f.capped = make([]bool, n)
	for _, j := range f.caps {
		f.capped[j] = true
	}
	f.countable = relay.Countable(f.p, f.form.L)
	for _, k := range f.rows {
		f.shifts = append(f.shifts, f.shift(f.form.A[k*n:(k+1)*n], f.form.L))
	}
	for k := range f.form.F {
		f.shifts = append(f.shifts, f.shift(f.form.E[k*n:(k+1)*n], f.form.L))
	}
}

func (e *endpoints) isIll() bool {
	return vec.MaxAbs(e.lowerSens) > tolerance.Sensitivity || vec.MaxAbs(e.upperSens) > tolerance.Sensitivity
}

// illAt reports whether an endpoint at rho is that of an ill-conditioned piece.
func (e *endpoints) illAt(rho []float64) bool {
	rho = rho[:e.stride]
	lo, hi := math.Inf(-1), math.Inf(1)
	lowSens, highSens := 0., 0.
	if e.floor {
		lo = 0
	}
	for p, g := range e.lowerSens {
		if v := weigh(e.lower[p*e.stride:(p+1)*e.stride], rho); v > lo || v == lo && g < lowSens {
			lo, lowSens = v, g
		}
	}
	for p, g := range e.upperSens {
		if v := weigh(e.upper[p*e.stride:(p+1)*e.stride], rho); v < hi || v == hi && g < highSens {
			hi, highSens = v, g
		}
	}
	return lowSens > tolerance.Sensitivity || highSens > tolerance.Sensitivity
}

func weigh(w, rho []float64) float64 { return pieces.Weigh(w, rho) }

// relaxed returns the one point that remains when all limits are relaxed by the least theta
// that lets the endpoints meet: max_p (v_p - theta s_p) = min_q (v_q + theta s_q), where s
// are the sensitivities. The difference is convex and falls, so Newton's method climbs to
// its root and stops. The floor is not relaxed.
func (e *endpoints) relaxed(rho []float64) (at, theta float64) {
	rho = rho[:e.stride]
	for range 50 {
		lo, hi := math.Inf(-1), math.Inf(1)
		lowSens, highSens := 0., 0.
		if e.floor {
			lo = 0
		}
		for p, g := range e.lowerSens {
			if v := weigh(e.lower[p*e.stride:(p+1)*e.stride], rho) - theta*g; v > lo {
				lo, lowSens = v, g
			}
		}
		for p, g := range e.upperSens {
			if v := weigh(e.upper[p*e.stride:(p+1)*e.stride], rho) + theta*g; v < hi {
				hi, highSens = v, g
			}
		}
		if !(lo > hi) {
			return lo + (hi-lo)/2, theta
		}
		if lowSens+highSens == 0 {
			return lo, math.Inf(1)
		}
		step := (lo - hi) / (lowSens + highSens)
		if theta+step == theta {
			return lo + (hi-lo)*lowSens/(lowSens+highSens), theta
		}
		theta += step
	}
	return 0, math.Inf(1)
}

// start writes rho of the empty prefix under the given limits to a batch of one row and
// reports whether the pieces hold for them and no ray proves them empty.
func (f *Intervals) start(at *pieces.Batch, lim *lp.Limits) bool {
	b, e, l, u := f.p.Resolve(lim)
	n, rho, own := f.p.Dim(), at.Rho, lim.Lower == nil
	for j := range l {
		if own && lim.Upper == nil {
			break // as compiled
		}
		if math.IsInf(l[j], 0) != f.free[j] || f.fixed[j] != (l[j] == u[j]) || l[j] > u[j] {
			return false
		}
		if !math.IsInf(u[j], 1) && !f.fixed[j] && !f.capped[j] {
			return false
		}
	}
	if own && !f.countable || !own && !relay.Countable(f.p, l) {
		return false
	}
	shift := func(x int, c []float64) float64 {
		if own {
			return f.shifts[x]
		}
		return f.shift(c, l)
	}
	for x, k := range f.rows {
		rho[x] = b[k] - shift(x, f.form.A[k*n:(k+1)*n])
	}
	for x, j := range f.caps {
		rho[len(f.rows)+x] = u[j] - f.base(l, j)
	}
	equalities := rho[len(f.rows)+len(f.caps):]
	for k, v := range e {
		equalities[k] = v - shift(len(f.rows)+k, f.form.E[k*n:(k+1)*n])
	}
	for _, v := range rho {
		if v-v != 0 {
			return false
		}
	}
	const tol = 1e-13
	if f.rays.Eval(at, nil); at.Lo[0] <= tol*f.raysSens {
		return true
	}
	for r, g := range f.emptySens {
		if weigh(f.empty[r*f.size:(r+1)*f.size], rho) > tol*g {
			return false
		}
	}
	return true
}

// base returns what z_j is counted from.
func (f *Intervals) base(l []float64, j int) float64 {
	if f.free[j] {
		return 0
	}
	return l[j]
}

func (f *Intervals) shift(c, l []float64) float64 {
	s := 0.
	for j, v := range c {
		if v != 0 {
			s += v * f.base(l, j)
		}
	}
	return s
}
