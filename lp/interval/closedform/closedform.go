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
// l = 0: b - A l - A_P z_P, u - l and f - E l - E_P z_P with z = a - l. The w are
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
	Tables // Cols are in cols, and All and Needed are of the whole polytope and of its own limits

	p    *lp.Polytope
	form program.Form
	cols [][]float64 // of every entity; nil with facets

	done int // entities before it are not compiled: the budget ended there

	whole, pruned []*pieces.Pieces // of All and of Needed

	took   time.Duration // to compile
	steps  int
	within Budget

	// start needs these of the rays and of the polytope's own bounds.
	proofs    *pieces.Pieces // of Rays
	raysSens  float64        // the least
	capped    []bool
	shifts    []float64 // of the rows, then of the equalities, by the own lower bounds
	countable bool
}

// prepare makes the affine pieces ready for evaluation.
func (f *Intervals) prepare() {
	f.whole, f.pruned = make([]*pieces.Pieces, len(f.All)), make([]*pieces.Pieces, len(f.All))
	for i := range f.All {
		f.whole[i], f.pruned[i] = f.All[i].prepare(), f.Needed[i].prepare()
		f.IllConditioned = f.IllConditioned || f.All[i].ill || f.Needed[i].ill
	}
	if !f.AnyLimits {
		return
	}
	n := f.p.Dim()
	f.proofs, f.raysSens = pieces.New(f.Size, false, f.Rays, nil), math.Inf(1)
	for _, g := range f.RaySensitivity {
		f.raysSens = min(f.raysSens, g)
	}
	f.capped = make([]bool, n)
	for _, j := range f.Caps {
		f.capped[j] = true
	}
	f.countable = relay.Countable(f.p, f.form.L)
	for _, k := range f.LimitRows {
		f.shifts = append(f.shifts, f.shift(f.form.A[k*n:(k+1)*n], f.form.L))
	}
	for k := range f.form.F {
		f.shifts = append(f.shifts, f.shift(f.form.E[k*n:(k+1)*n], f.form.L))
	}
}

func (e *EndpointTable) prepare() *pieces.Pieces {
	e.ill = e.isIll()
	return pieces.New(e.Stride, e.Floor, e.Lower, e.Upper)
}

func (e *EndpointTable) isIll() bool {
	return vec.MaxAbs(e.LowerSensitivity) > tolerance.Sensitivity || vec.MaxAbs(e.UpperSensitivity) > tolerance.Sensitivity
}

// illAt reports whether an endpoint at rho is that of an ill-conditioned affine piece.
func (e *EndpointTable) illAt(rho []float64) bool {
	rho = rho[:e.Stride]
	lo, hi := math.Inf(-1), math.Inf(1)
	lowSens, highSens := 0., 0.
	if e.Floor {
		lo = 0
	}
	for p, g := range e.LowerSensitivity {
		if v := weigh(e.Lower[p*e.Stride:(p+1)*e.Stride], rho); v > lo || v == lo && g < lowSens {
			lo, lowSens = v, g
		}
	}
	for p, g := range e.UpperSensitivity {
		if v := weigh(e.Upper[p*e.Stride:(p+1)*e.Stride], rho); v < hi || v == hi && g < highSens {
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
func (e *EndpointTable) relaxed(rho []float64) (at, theta float64) {
	rho = rho[:e.Stride]
	for range 50 {
		lo, hi := math.Inf(-1), math.Inf(1)
		lowSens, highSens := 0., 0.
		if e.Floor {
			lo = 0
		}
		for p, g := range e.LowerSensitivity {
			if v := weigh(e.Lower[p*e.Stride:(p+1)*e.Stride], rho) - theta*g; v > lo {
				lo, lowSens = v, g
			}
		}
		for p, g := range e.UpperSensitivity {
			if v := weigh(e.Upper[p*e.Stride:(p+1)*e.Stride], rho) + theta*g; v < hi {
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
// reports whether the affine pieces hold for them and no ray proves them empty.
func (f *Intervals) start(at *pieces.Batch, lim *lp.Limits) bool {
	b, e, l, u := f.p.Resolve(lim)
	n, rho, own := f.p.Dim(), at.Rho, lim.Lower == nil
	for j := range l {
		if own && lim.Upper == nil {
			break // as compiled
		}
		if math.IsInf(l[j], 0) != f.Free[j] || f.Fixed[j] != (l[j] == u[j]) || l[j] > u[j] {
			return false
		}
		if !math.IsInf(u[j], 1) && !f.Fixed[j] && !f.capped[j] {
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
	for x, k := range f.LimitRows {
		rho[x] = b[k] - shift(x, f.form.A[k*n:(k+1)*n])
	}
	for x, j := range f.Caps {
		rho[len(f.LimitRows)+x] = u[j] - f.base(l, j)
	}
	equalities := rho[len(f.LimitRows)+len(f.Caps):]
	for k, v := range e {
		equalities[k] = v - shift(len(f.LimitRows)+k, f.form.E[k*n:(k+1)*n])
	}
	for _, v := range rho {
		if v-v != 0 {
			return false
		}
	}
	const tol = 1e-13
	if f.proofs.Eval(at, nil); at.Lo[0] <= tol*f.raysSens {
		return true
	}
	for r, g := range f.RaySensitivity {
		if weigh(f.Rays[r*f.Size:(r+1)*f.Size], rho) > tol*g {
			return false
		}
	}
	return true
}

// base returns what z_j is counted from.
func (f *Intervals) base(l []float64, j int) float64 {
	if f.Free[j] {
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
