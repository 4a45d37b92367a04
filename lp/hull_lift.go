package lp

import (
	"fmt"
	"math"
	"slices"
	"sync"
)

// lift returns p, which is a hull without facets, as rows over allocations and
// weights of the points,
//
//	{ (a, w): V' w = a,  sum w = 1,  0 <= w <= 1,  E a = e,  l <= a <= u },
//
// in this order, with any bounds and right-hand sides that p can have. Its last
// equalities are those of the hull.
func (p *Polytope) lift() *Polytope { return p.hull.lifted() }

// lifting returns what makes the lifted polytope when it is first needed.
func (p *Polytope) lifting() func() *Polytope {
	return sync.OnceValue(func() *Polytope {
		n, k := p.Dim(), len(p.points)
		q := &Polytope{name: p.name, entities: slices.Clone(p.entities), budget: p.budget, weights: k}
		for v := range k {
			q.entities = append(q.entities, fmt.Sprintf("weight of point %d", v+1))
		}
		if p.units != nil {
			q.units = &units{amount: slices.Concat(p.units.amount, slices.Repeat([]float64{1}, k)), eq: p.units.eq}
		}
		q.l = append(slices.Clone(p.l), make([]float64, k)...)
		q.u = append(slices.Clone(p.u), slices.Repeat([]float64{1}, k)...)
		row := func(name string, f float64) []float64 {
			at := len(q.e)
			q.e = append(q.e, make([]float64, n+k)...)
			q.f, q.eqNames = append(q.f, f), append(q.eqNames, name)
			return q.e[at:]
		}
		for x, f := range p.f {
			copy(row(p.eqNames[x], f), p.e[x*n:(x+1)*n])
		}
		sum := row(hullName, 1)
		for v := range k {
			sum[n+v] = 1
		}
		for j := range n {
			r := row(hullName, 0)
			r[j] = -1
			for v, x := range p.points {
				r[n+v] = x[j]
			}
		}
		q.setSizes(append(slices.Clone(p.size), slices.Repeat([]float64{1}, k)...))
		return q
	})
}

// liftLimits returns limits of p as those of the lifted polytope.
func (p *Polytope) liftLimits(lim *Limits) *Limits {
	if lim == nil {
		return nil
	}
	q := p.lift()
	_, f, l, u := p.limits(lim)
	n, k := p.Dim(), len(p.f)
	return &Limits{
		E:     slices.Concat(f, q.f[k:]),
		Lower: slices.Concat(l, q.l[n:]),
		Upper: slices.Concat(u, q.u[n:]),
	}
}

// hullConflict is conflict of a hull without facets. Its bounds follow from its
// points, so that only those of the state that cut it further can be in the way.
func (p *Polytope) hullConflict(lim *Limits) (names []string, amount float64) {
	if lim == nil {
		return nil, 0
	}
	q := p.liftLimits(lim)
	for j := range p.entities {
		if q.Lower[j] <= p.l[j] {
			q.Lower[j] = math.Inf(-1)
		}
		if q.Upper[j] >= p.u[j] {
			q.Upper[j] = math.Inf(1)
		}
	}
	return p.lift().conflict(q)
}

// minimizeLifted is Minimize under limits of a state.
func (p *Polytope) minimizeLifted(c []float64, lim *Limits) (x []float64, value float64, err error) {
	q := p.lift()
	n := p.Dim()
	l := p.liftLimits(lim)
	x, _, err = q.program(slices.Concat(c, make([]float64, q.weights)), nil, l.E, l.Lower, l.Upper).optimum()
	switch {
	case err != nil:
		err = p.refusal(err, lim)
	default:
		x = x[:n]
		if r, name := p.WorstConstraint(x, lim); !(r <= feasibility) {
			err = fmt.Errorf("lp: CLP finds no point of %s: it violates %s by a scaled %g", p.describe(), name, r)
		}
	}
	if err != nil {
		return nil, 0, err
	}
	value, _ = dotScale(c, x)
	return x, value, nil
}
