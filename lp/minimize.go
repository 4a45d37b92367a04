package lp

import (
	"fmt"
	"math"

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
		return p.minimizeHull(c, lim)
	}
	x, value, err = p.program(c, lim).Optimum()
	if err != nil {
		err = p.refusal(err, lim)
	}
	return x, value, err
}

// program returns the linear program of a cost under limits.
func (p *Polytope) program(c []float64, lim *Limits) *program.Program {
	p = p.Under(lim)
	form := p.form
	form.B, form.F, form.L, form.U = p.Resolve(lim)
	return form.Program(c)
}
