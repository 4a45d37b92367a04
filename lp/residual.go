package lp

import (
	"fmt"
	"math"
)

// WorstConstraint returns the largest scaled residual of a, as Residual does,
// and the name of the constraint that has it.
func (p *Polytope) WorstConstraint(a []float64, lim *Limits) (residual float64, name string) {
	n := p.Dim()
	if len(a) != n {
		panic(badLength)
	}
	if lim == nil {
		lim = &Limits{}
	}
	b, f := orElse(lim.B, p.b), orElse(lim.E, p.f)
	l, u := orElse(lim.Lower, p.l), orElse(lim.Upper, p.u)
	if len(b) != len(p.b) || len(f) != len(p.f) || len(l) != n || len(u) != n {
		panic(badLength)
	}

	// A constraint is named after the loop: naming allocates.
	const (
		none = iota
		row
		equality
		lower
		upper
	)
	residual = math.Inf(-1)
	kind, index := none, 0
	note := func(r float64, k, i int) {
		if r > residual {
			residual, kind, index = r, k, i
		}
	}
	for k := range b {
		ax, scale := dotScale(p.a[k*n:(k+1)*n], a)
		note(scaledExcess(ax, b[k], scale), row, k)
	}
	for k := range f {
		ax, scale := dotScale(p.e[k*n:(k+1)*n], a)
		note(math.Abs(scaledExcess(ax, f[k], scale)), equality, k)
	}
	for j, x := range a {
		note(scaledExcess(-x, -l[j], math.Abs(x)), lower, j)
		note(scaledExcess(x, u[j], math.Abs(x)), upper, j)
	}
	switch kind {
	case row:
		name = p.rowNames[index]
	case equality:
		name = p.eqNames[index]
	case lower:
		name = fmt.Sprintf("%s >= %g", p.entities[index], l[index])
	case upper:
		name = fmt.Sprintf("%s <= %g", p.entities[index], u[index])
	}
	return residual, name
}

// dotScale returns sum_j c_j a_j and sum_j |c_j a_j|.
func dotScale(c, a []float64) (dot, scale float64) {
	for j, cj := range c {
		t := cj * a[j]
		dot += t
		scale += math.Abs(t)
	}
	return dot, scale
}
