package lp

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"paspo/lp/internal/hull"
	"paspo/lp/internal/program"
	"paspo/lp/internal/units"
	"paspo/lp/internal/vec"
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
		q := &Polytope{name: p.name, entities: slices.Clone(p.entities), budget: p.budget, weights: k, known: &known{}}
		for v := range k {
			q.entities = append(q.entities, fmt.Sprintf("weight of point %d", v+1))
		}
		if p.units != nil {
			q.units = &units.Units{Amount: slices.Concat(p.units.Amount, slices.Repeat([]float64{1}, k)), Eq: p.units.Eq}
		}
		q.form.L = append(slices.Clone(p.form.L), make([]float64, k)...)
		q.form.U = append(slices.Clone(p.form.U), slices.Repeat([]float64{1}, k)...)
		row := func(name string, f float64) []float64 {
			at := len(q.form.E)
			q.form.E = append(q.form.E, make([]float64, n+k)...)
			q.form.F, q.eqNames = append(q.form.F, f), append(q.eqNames, name)
			return q.form.E[at:]
		}
		for x, f := range p.form.F {
			copy(row(p.eqNames[x], f), p.form.E[x*n:(x+1)*n])
		}
		for i, weights := range hull.Weights(p.points) {
			if i == 0 {
				copy(row(HullName, 1)[n:], weights)
				continue
			}
			r := row(HullName, 0)
			copy(r[n:], weights)
			r[i-1] = -1
		}
		q.setSizes(append(slices.Clone(p.form.Size), slices.Repeat([]float64{1}, k)...))
		return q
	})
}

// liftLimits returns limits of p as those of the lifted polytope.
func (p *Polytope) liftLimits(lim *Limits) *Limits {
	if lim == nil {
		return nil
	}
	q := p.lift()
	_, f, l, u := p.Resolve(lim)
	n, k := p.Dim(), len(p.form.F)
	return &Limits{
		E:     slices.Concat(f, q.form.F[k:]),
		Lower: slices.Concat(l, q.form.L[n:]),
		Upper: slices.Concat(u, q.form.U[n:]),
	}
}

// hullConflict is conflict of a hull without facets. Its bounds follow from its
// points, so that only those of the state that cut it further can be in the way.
func (p *Polytope) hullConflict(lim *Limits) (names []string, amount float64) {
	if lim == nil {
		return nil, 0
	}
	cuts, cutNames := p.cuts(lim)
	if at, by := hull.Beyond(p.points, cuts); at >= 0 {
		return []string{HullName, cutNames[at]}, by
	}
	q := p.liftLimits(lim)
	for j := range p.entities {
		if q.Lower[j] <= p.form.L[j] {
			q.Lower[j] = math.Inf(-1)
		}
		if q.Upper[j] >= p.form.U[j] {
			q.Upper[j] = math.Inf(1)
		}
	}
	return p.lift().conflict(q, true)
}

// cuts returns the limits of a state that cut a hull without facets further than its own, and
// their names.
func (p *Polytope) cuts(lim *Limits) (cuts []hull.Cut, names []string) {
	n := p.Dim()
	_, f, l, u := p.Resolve(lim)
	add := func(cut hull.Cut, kind program.Kind, k int) {
		cuts, names = append(cuts, cut), append(names, p.constraintName(kind, k, lim))
	}
	bound := func(j int, sign, limit float64, kind program.Kind) {
		coef := make([]float64, n)
		coef[j] = sign
		add(hull.Cut{Coef: coef, Limit: sign * limit, Size: p.form.Size[j]}, kind, j)
	}
	for j := range n {
		if u[j] < p.form.U[j] {
			bound(j, 1, u[j], program.OfUpper)
		}
		if l[j] > p.form.L[j] {
			bound(j, -1, l[j], program.OfLower)
		}
	}
	for k, v := range f {
		if v != p.form.F[k] {
			add(hull.Cut{Coef: p.form.E[k*n : (k+1)*n], Limit: v, Size: p.form.EqSize[k], Equality: true}, program.OfEquality, k)
		}
	}
	return cuts, names
}

// minimizeLifted is Minimize under limits of a state.
func (p *Polytope) minimizeLifted(c []float64, lim *Limits) (x []float64, value float64, err error) {
	cuts, names := p.cuts(lim)
	x, core, amount, err := hull.Least(p.points, c, cuts)
	if core != nil {
		empty := &EmptyError{Name: p.name, Amount: amount}
		for _, i := range core {
			name := HullName
			if i >= 0 {
				name = names[i]
			}
			empty.Conflict = append(empty.Conflict, name)
		}
		return nil, 0, empty
	}
	if err != nil {
		return nil, 0, p.refusal(err, lim)
	}
	_, _, l, u := p.Resolve(lim)
	for j := range x {
		x[j] = vec.Snap(x[j], l[j], u[j])
	}
	if r, name := p.WorstConstraint(x, lim); !(r <= Feasibility) {
		if names, amount := p.hullConflict(lim); names != nil {
			return nil, 0, &EmptyError{Name: p.name, Conflict: names, Amount: amount}
		}
		return nil, 0, fmt.Errorf("lp: CLP finds no point of %s: it violates %s by a scaled %g", p.Describe(), name, r)
	}
	value, _ = vec.DotScale(c, x)
	return x, value, nil
}
