package lp

import (
	"fmt"

	"paspo/lp/internal/hull"
	"paspo/lp/internal/program"
	"paspo/lp/internal/vec"
)

// hullConflict is conflict of a hull without facets. It is among limits of a state that
// cut the hull further, since the hull itself is not empty.
func (p *Polytope) hullConflict(lim *Limits) (names []string, amount float64) {
	if lim == nil {
		return nil, 0
	}
	cuts, cutNames := p.cuts(lim)
	if at, by := hull.Beyond(p.points, cuts); at >= 0 {
		return []string{HullName, cutNames[at]}, by
	}
	core, amount := hull.Conflict(p.points, cuts)
	for _, i := range core {
		name := HullName
		if i >= 0 {
			name = cutNames[i]
		}
		names = append(names, name)
	}
	return names, amount
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

// minimizeHull is Minimize of a hull without facets under limits of a state.
func (p *Polytope) minimizeHull(c []float64, lim *Limits) (x []float64, value float64, err error) {
	cuts, _ := p.cuts(lim)
	if x, err = hull.Least(p.points, c, cuts); err != nil {
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
