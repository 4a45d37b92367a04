package lp

import (
	"fmt"
	"math"
	"slices"

	"paspo/lp/internal/program"
	"paspo/lp/internal/vec"
)

// Feasibility is the scaled residual up to which a point counts as feasible.
const Feasibility = program.Feasible

// Minimize returns a minimiser of c . a over the polytope and the least value,
// to maximise pass -c. The minimiser satisfies every constraint to a scaled
// residual of 1e-9. A nil lim means the polytope's own limits; limits that no
// allocation satisfies are an *EmptyError.
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
		p.Under(lim).Resolve(lim) // panics where a length is bad
	}
	if p.terms != nil {
		return p.minimizeTerms(c, lim)
	}
	if q := p.Canonical(); q != p {
		x, _, err = q.Minimize(p.costs(c), p.canonicalLimits(lim))
		if err != nil {
			return nil, 0, err
		}
		x = p.stated(x)
		return x, vec.Dot(c, x), nil
	}
	if p.points != nil && (lim == nil || lim.Own()) {
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
	p = p.Under(lim)
	b, f, l, u := p.Resolve(lim)
	x, value, err = p.program(c, b, f, l, u).Optimum()
	if err != nil {
		err = p.refusal(err, lim)
	}
	return x, value, err
}

// program returns the linear program over p under the given limits.
func (p *Polytope) program(c, b, f, l, u []float64) *program.Program {
	return &program.Program{C: c, A: p.form.A, B: b, E: p.form.E, F: f, L: l, U: u, Size: p.form.Size, RowSize: p.form.RowSize, EqSize: p.form.EqSize}
}

// leastExactly returns the least c . a under the polytope's own bounds, equalities and
// other limits b, found in rational arithmetic, and how far it moves, in units of a share,
// when all limits move by that share of their scales. ok is false where nothing satisfies
// them exactly.
func (p *Polytope) leastExactly(c, b []float64) (value, moves float64, ok bool) {
	r := program.Rational{A: p.form.A, B: b, E: p.form.E, F: p.form.F, L: p.form.L, U: p.form.U}
	v, ok := r.Minimize(c)
	if !ok {
		return 0, 0, false
	}
	return vec.Float(v), r.Moves, true
}

// almostMoves returns how far the least value moves, as leastExactly does, where no point satisfies
// the limits exactly. It relaxes all limits by a share of their scales, the least power of ten
// for which some point satisfies them.
func (p *Polytope) almostMoves(c []float64) float64 {
	n, m, k := p.Dim(), len(p.form.B), len(p.form.F)
	r := program.Rational{
		A: slices.Concat(p.form.A, p.form.E, p.form.E), B: make([]float64, m+2*k), L: make([]float64, n), U: make([]float64, n),
	}
	for x := len(p.form.A) + len(p.form.E); x < len(r.A); x++ {
		r.A[x] = -r.A[x]
	}
	for share := 1e-16; share <= 2*decimals; share *= 10 {
		for x, v := range p.form.B {
			r.B[x] = v + share*max(math.Abs(v), p.form.RowSize[x])
		}
		for x, v := range p.form.F {
			d := share * max(math.Abs(v), p.form.EqSize[x])
			r.B[m+x], r.B[m+k+x] = v+d, d-v
		}
		for j, s := range p.form.Size {
			r.L[j] = p.form.L[j] - share*max(s, math.Abs(p.form.L[j]))
			r.U[j] = p.form.U[j] + share*max(s, math.Abs(p.form.U[j]))
		}
		if _, ok := r.Minimize(c); ok {
			return r.Moves
		}
	}
	return math.Inf(1)
}
