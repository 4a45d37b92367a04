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
// likewise |E_k a - e_k| for equalities, and of bounds (a_j - u_j) / max(|u_j|, s_j),
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

// constraintName names a constraint. Names that hold a limit are of the limit
// that holds in this state.
func (p *Polytope) constraintName(kind program.Kind, i int, lim *Limits) string {
	_, f, l, u := p.Resolve(lim)
	switch kind {
	case program.OfRow:
		return p.rowNames[i] // "" of an auxiliary one
	case program.OfEquality:
		if p.budget && i == 0 {
			total := f[0]
			if p.units != nil {
				total *= p.units.eq[0]
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
	switch {
	case j >= p.Dim()-p.auxiliary:
		return ""
	case j >= p.Dim()-p.weights:
		return HullName
	}
	sign, v := " >= ", l[j]
	if upper {
		sign, v = " <= ", u[j]
	}
	if p.units != nil {
		v *= p.units.amount[j]
	}
	return p.entities[j] + sign + vec.Text(v)
}

// worst returns the constraint with the largest scaled residual. Names are left
// to the caller, because naming allocates.
func (p *Polytope) worst(a []float64, lim *Limits) (residual float64, kind program.Kind, index int) {
	n := p.Dim()
	if len(a) != n {
		panic(badLength)
	}
	b, f, l, u := p.Resolve(lim)
	matrix, sizes := p.rowsUnder(lim)
	residual = math.Inf(-1)
	for k, v := range f {
		ax := vec.Dot(p.e[k*n:(k+1)*n], a)
		if r := math.Abs(vec.ScaledExcess(ax, v, p.eqSize[k])); r > residual {
			residual, kind, index = r, program.OfEquality, k
		}
	}
	// A constraint that holds has a residual of at most 0. Once some residual is 0 or more, it
	// needs no division.
	for j, x := range a {
		if residual >= 0 && x >= l[j] && x <= u[j] && x-x == 0 {
			continue
		}
		if r := vec.ScaledExcess(-x, -l[j], p.size[j]); r > residual {
			residual, kind, index = r, program.OfLower, j
		}
		if r := vec.ScaledExcess(x, u[j], p.size[j]); r > residual {
			residual, kind, index = r, program.OfUpper, j
		}
	}
	k := 0
	for ; k+4 <= len(b); k += 4 {
		var ax [4]float64
		ax[0], ax[1], ax[2], ax[3] = dot4(matrix[k*n:(k+4)*n], a)
		if residual >= 0 && holds(ax[0]-b[k]) && holds(ax[1]-b[k+1]) && holds(ax[2]-b[k+2]) && holds(ax[3]-b[k+3]) {
			continue
		}
		for i, x := range ax {
			if r := vec.ScaledExcess(x, b[k+i], p.sizeOfRow(matrix, sizes, k+i)); r > residual {
				residual, kind, index = r, program.OfRow, k+i
			}
		}
	}
	for ; k < len(b); k++ {
		if r := vec.ScaledExcess(vec.Dot(matrix[k*n:(k+1)*n], a), b[k], p.sizeOfRow(matrix, sizes, k)); r > residual {
			residual, kind, index = r, program.OfRow, k
		}
	}
	if p.terms != nil {
		for i := range p.terms.rows {
			t := &p.terms.rows[i]
			k := t.row
			ax := vec.Dot(matrix[k*n:(k+1)*n], a) + t.sum(a, holdingsOf(lim))
			if r := vec.ScaledExcess(ax, b[k], p.sizeOfRow(matrix, sizes, k)); r > residual {
				residual, kind, index = r, program.OfRow, k
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

// rowsUnder returns the matrix that holds in a state and the sizes of its rows, which are
// nil where the state has a matrix of its own: sizeOfRow computes these. It allocates nothing.
func (p *Polytope) rowsUnder(lim *Limits) (matrix, sizes []float64) {
	if lim == nil || lim.A == nil {
		return p.a, p.rowSize
	}
	if len(lim.A) != len(p.a) {
		panic(badLength)
	}
	return lim.A, nil // a hull without facets has no inequalities
}

func (p *Polytope) sizeOfRow(matrix, sizes []float64, k int) float64 {
	if sizes != nil {
		return sizes[k]
	}
	n := p.Dim()
	_, size := vec.DotScale(matrix[k*n:(k+1)*n], p.size)
	if p.terms != nil {
		size += p.terms.sizes[k]
	}
	return size
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
		w.At[j] = x / p.canon.units.amount[j]
	}
	return p.hull.Distance(w.At)
}

// dot4 returns the products of 4 rows with a. Four sums at a time do not wait for
// one another.
func dot4(rows, a []float64) (s0, s1, s2, s3 float64) {
	n := len(a)
	r0, r1, r2, r3 := rows[:n], rows[n:2*n], rows[2*n:3*n], rows[3*n:4*n]
	for j, x := range a {
		s0 += r0[j] * x
		s1 += r1[j] * x
		s2 += r2[j] * x
		s3 += r3[j] * x
	}
	return s0, s1, s2, s3
}

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
	matrix, sizes := p.rowsUnder(lim)
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
		dst[k] = max(0, vec.ScaledExcess(x, v, p.sizeOfRow(matrix, sizes, k)))
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

// Under returns the polytope with the matrix that holds.
func (p *Polytope) Under(lim *Limits) *Polytope {
	if lim == nil || lim.A == nil {
		return p
	}
	if len(lim.A) != len(p.a) {
		panic(badLength)
	}
	if p.hull != nil {
		return p // without inequalities
	}
	q := *p
	q.a, q.points, q.canon, q.known = lim.A, nil, nil, &known{}
	q.rowSize = program.RowSizes(nil, q.a, q.size)
	if q.terms != nil {
		q.addTermSizes()
	}
	return &q
}

// Resolve returns the limits that hold, and panics where one has a bad length.
func (p *Polytope) Resolve(lim *Limits) (b, f, l, u []float64) {
	if lim == nil {
		return p.b, p.f, p.l, p.u
	}
	b, f = orElse(lim.B, p.b), orElse(lim.E, p.f)
	l, u = orElse(lim.Lower, p.l), orElse(lim.Upper, p.u)
	if len(b) != len(p.b) || len(f) != len(p.f) || len(l) != p.Dim() || len(u) != p.Dim() || lim.A != nil && len(lim.A) != len(p.a) || lim.Holdings != nil && len(lim.Holdings) != p.Dim() {
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

// holds reports whether an excess is that of a limit that holds, and finite.
func holds(excess float64) bool { return excess <= 0 && excess >= -math.MaxFloat64 }
