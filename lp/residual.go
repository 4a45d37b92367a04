package lp

import (
	"math"

	"paspo/lp/internal/program"
	"paspo/lp/internal/vec"
)

// Residual returns the largest scaled residual of a over all constraints,
//
//	(A_k a - b_k) / max(|b_k|, sum_j |A_kj| s_j),
//
// likewise |E_k a - f_k| for equalities, and of bounds (a_j - u_j) / max(|u_j|, s_j),
// where s_j is the size of an entity: the largest |a_j| in the polytope (see Sizes).
// Multiplying a row, or all amounts, by a number above 0 does not change it (docs/method.md,
// section 1). It is negative strictly inside a polytope without equalities, and +Inf
// where a holds a NaN. A nil lim means the polytope's own limits; under those of a
// state, sizes remain the polytope's own.
//
// A row with terms counts these in A_k a, and what they can come to in the sum of sizes,
// (above + below) (s_j + |from|) each.
//
// Of a hull without facets it is at least the distance to the hull,
//
//	min sum_j |a_j - h_j| / s_j   over h in the hull,
//
// which no facet's residual exceeds, and which is 0 inside, up to rounding. It is off
// by 1e-12 at most, relative where it is above 1, and takes some microseconds inside,
// some hundred outside.
//
// Residual panics if len(a) is not the dimension.
func (p *Polytope) Residual(a []float64, lim *Limits) float64 {
	r, _, _ := p.worst(a, lim)
	return r
}

// WorstConstraint returns the largest scaled residual of a, as Residual does,
// and the name of the constraint that has it.
func (p *Polytope) WorstConstraint(a []float64, lim *Limits) (residual float64, name string) {
	r, kind, i := p.worst(a, lim)
	return r, p.constraintName(kind, i, lim)
}

// WorstExcess is WorstConstraint with the residual in the units of the constraint: of a row by how
// much it is beyond its limit, of a bound an amount of the entity.
func (p *Polytope) WorstExcess(a []float64, lim *Limits) (excess float64, name string) {
	r, kind, i := p.worst(a, lim)
	form, size, limit := p.formIn(lim), 1., 0.
	switch kind {
	case program.OfRow:
		size, limit = form.SizeOfRow(i), form.B[i]
	case program.OfEquality:
		size, limit = form.EqSize[i], form.F[i]
	case program.OfLower:
		size, limit = form.Size[i], form.L[i]
	case program.OfUpper:
		size, limit = form.Size[i], form.U[i]
	}
	return r * max(math.Abs(limit), size), p.constraintName(kind, i, lim)
}

// constraintName names a constraint. The names of the total and of bounds show the limit that
// holds in this state.
func (p *Polytope) constraintName(kind program.Kind, i int, lim *Limits) string {
	_, f, l, u := p.Resolve(lim)
	switch kind {
	case program.OfRow:
		return p.rowNames[i] // "" of an auxiliary one
	case program.OfEquality:
		if p.budget && i == 0 {
			total := f[0]
			if p.units != nil {
				total *= p.units.Eq[0]
			}
			return "total = " + vec.Text(total)
		}
		return p.eqNames[i]
	case program.OfLower, program.OfUpper:
		return p.BoundName(i, kind == program.OfUpper, l, u)
	case program.OfHull:
		return HullName
	}
	return ""
}

// BoundName names the lower or the upper bound of entity j where the bounds are l and u.
func (p *Polytope) BoundName(j int, upper bool, l, u []float64) string {
	if j >= p.Dim()-p.auxiliary {
		return ""
	}
	sign, v := " >= ", l[j]
	if upper {
		sign, v = " <= ", u[j]
	}
	if p.units != nil {
		v *= p.units.Amount[j]
	}
	return p.entities[j] + sign + vec.Text(v)
}

// worst returns the constraint with the largest scaled residual. Names are left
// to the caller, because naming allocates.
func (p *Polytope) worst(a []float64, lim *Limits) (residual float64, kind program.Kind, index int) {
	if len(a) != p.Dim() {
		panic(badLength)
	}
	form := &p.form
	if lim != nil {
		in := p.formIn(lim)
		form = &in
	}
	residual, kind, index = form.Worst(a)
	if p.terms != nil {
		for i := range p.terms.Rows {
			t := &p.terms.Rows[i]
			if r := form.RowResidual(t.Index, a, t.Value(a, holdingsOf(lim))); r > residual {
				residual, kind, index = r, program.OfRow, t.Index
			}
		}
	}
	if p.hull != nil {
		if r := p.hullDistance(a); r > residual {
			residual, kind, index = r, program.OfHull, 0
		}
	}
	return residual, kind, index
}

// hullDistance returns the distance to a hull without facets, in canonical units.
func (p *Polytope) hullDistance(a []float64) float64 {
	if p.Canonical() == p {
		return p.hull.Distance(a)
	}
	w := p.hull.Borrow()
	defer p.hull.Return(w)
	w.At = vec.Grown(w.At, len(a))
	for j, x := range a {
		w.At[j] = x / p.canon.units.Amount[j]
	}
	return p.hull.Distance(w.At)
}

// Constraints returns the number of constraints that Excesses measures: inequalities,
// equalities, lower bounds and upper bounds, in this order. A hull without facets has no
// inequalities.
func (p *Polytope) Constraints() int { return len(p.form.B) + len(p.form.F) + 2*p.Dim() }

// ConstraintName names the k-th of these constraints, under the polytope's own limits.
func (p *Polytope) ConstraintName(k int) string {
	m, e, n := len(p.form.B), len(p.form.F), p.Dim()
	switch {
	case k < m:
		return p.rowNames[k]
	case k < m+e:
		return p.eqNames[k-m]
	case k < m+e+n:
		return p.BoundName(k-m-e, false, p.form.L, p.form.U)
	}
	return p.BoundName(k-m-e-n, true, p.form.L, p.form.U)
}

// Excesses writes by how much a breaks every constraint: its scaled residual (see
// Residual), or 0 where it holds. Of equalities the absolute value counts. A nil lim means
// the polytope's own limits.
//
// Excesses panics if len(a) is not the dimension or len(dst) not Constraints.
func (p *Polytope) Excesses(a []float64, lim *Limits, dst []float64) {
	if len(a) != p.Dim() || len(dst) != p.Constraints() {
		panic(badLength)
	}
	form := p.formIn(lim)
	form.Excesses(dst, a)
	if p.terms != nil {
		for i := range p.terms.Rows {
			t := &p.terms.Rows[i]
			dst[t.Index] = max(0, form.RowResidual(t.Index, a, t.Value(a, holdingsOf(lim))))
		}
	}
}

// formIn returns the numbers that hold in a state. Sizes of rows are left out where it has a
// matrix of its own, so that nothing is allocated.
func (p *Polytope) formIn(lim *Limits) program.Form {
	form := p.form
	form.B, form.F, form.L, form.U = p.Resolve(lim)
	if lim != nil && lim.A != nil && p.hull == nil {
		form.A, form.RowSize = lim.A, nil
	}
	return form
}

// Under returns the polytope with the matrix that holds.
func (p *Polytope) Under(lim *Limits) *Polytope {
	if lim == nil || lim.A == nil {
		return p
	}
	if len(lim.A) != len(p.form.A) {
		panic(badLength)
	}
	if p.hull != nil {
		return p // without inequalities
	}
	q := *p
	q.form.A, q.points, q.canon, q.known = lim.A, nil, nil, &known{}
	q.form.SetSizes(q.form.Size)
	return &q
}

// Resolve returns the limits that hold, and panics where one has a bad length.
func (p *Polytope) Resolve(lim *Limits) (b, f, l, u []float64) {
	if lim == nil {
		return p.form.B, p.form.F, p.form.L, p.form.U
	}
	b, f = orElse(lim.B, p.form.B), orElse(lim.F, p.form.F)
	l, u = orElse(lim.Lower, p.form.L), orElse(lim.Upper, p.form.U)
	if len(b) != len(p.form.B) || len(f) != len(p.form.F) || len(l) != p.Dim() || len(u) != p.Dim() || lim.A != nil && len(lim.A) != len(p.form.A) || lim.Holdings != nil && len(lim.Holdings) != p.Dim() {
		panic(badLength)
	}
	return b, f, l, u
}

const badLength = "lp: bad length of a vector"

func orElse(v, def []float64) []float64 {
	if v == nil {
		return def
	}
	return v
}
