package lp

import "paspo/lp/internal/vec"

// Constraints returns the number of constraints that Excesses measures: inequalities,
// equalities, lower bounds and upper bounds, in this order. A hull without facets has no
// inequalities.
func (p *Polytope) Constraints() int { return len(p.b) + len(p.f) + 2*p.Dim() }

// ConstraintName names the k-th of these constraints, under the polytope's own limits.
func (p *Polytope) ConstraintName(k int) string {
	m, e, n := len(p.b), len(p.f), p.Dim()
	switch {
	case k < m:
		return p.rowNames[k]
	case k < m+e:
		return p.eqNames[k-m]
	case k < m+e+n:
		return p.BoundName(k-m-e, false, p.l, p.u)
	}
	return p.BoundName(k-m-e-n, true, p.l, p.u)
}

// Excesses writes by how much a breaks every constraint: its scaled residual (see
// Residual), or 0 where it holds. Of equalities the absolute value counts. A nil lim means
// the polytope's own limits.
//
// Excesses panics if len(a) is not the dimension or len(dst) not Constraints.
func (p *Polytope) Excesses(a []float64, lim *Limits, dst []float64) {
	n := p.Dim()
	if len(a) != n || len(dst) != p.Constraints() {
		panic(badLength)
	}
	b, f, l, u := p.Resolve(lim)
	matrix, sizes := p.a, p.rowSize
	if lim != nil && lim.A != nil {
		matrix, sizes = lim.A, nil
	}
	clear(dst)
	for k, v := range b {
		row := matrix[k*n : (k+1)*n]
		x := vec.Dot(row, a)
		if p.terms != nil {
			x += p.terms.sum(k, a, lim)
		}
		if x <= v {
			continue
		}
		var size float64
		if sizes != nil {
			size = sizes[k]
		} else {
			_, size = vec.DotScale(row, p.size)
			if p.terms != nil {
				size += p.terms.sizes[k]
			}
		}
		dst[k] = max(0, vec.ScaledExcess(x, v, size))
	}
	dst = dst[len(b):]
	for k, v := range f {
		x := vec.Dot(p.e[k*n:(k+1)*n], a)
		dst[k] = max(vec.ScaledExcess(x, v, p.eqSize[k]), -vec.ScaledExcess(x, v, p.eqSize[k]))
	}
	dst = dst[len(f):]
	for j, x := range a {
		if x < l[j] {
			dst[j] = vec.ScaledExcess(-x, -l[j], p.size[j])
		}
		if x > u[j] {
			dst[n+j] = vec.ScaledExcess(x, u[j], p.size[j])
		}
	}
}
