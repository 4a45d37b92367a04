package warm

import (
	"math"

	"paspo/lp"
	"paspo/lp/internal/basis"
	"paspo/lp/internal/program"
	"paspo/lp/internal/tolerance"
	"paspo/lp/internal/vec"
	"paspo/lp/interval/relay"
)

// matrixRow is an action under a matrix of its own. The programs of its entities
// are one program in z = a - base,
//
//	min, max z_i   s.t.   E z = e - E base,  A z + s = b - A base,  0 <= z <= u - base,
//
// where base is the lower bound, and what was fixed, as lower and upper bound, for the
// entities before i. So a basis for one entity is a basis for the next.
type matrixRow struct {
	relay.Query
	lim   *lp.Limits
	state program.Form

	lo, hi         float64
	atLow, atUpper []float64 // allocations that have the last endpoints
	proved         bool

	g     basis.Program
	q     basis.Query
	work  basis.Work
	rows  []int     // that are limits: equalities, then inequalities
	scale []float64 // of them, powers of two
	base  []float64
	sizes []float64 // of rows of the state

	excesses []float64 // of rows, then equalities, at what was looked at last
}

// begin takes over a state. It reports whether its limits are such that a basis can
// serve them.
func (row *matrixRow) begin(p *lp.Polytope, lim *lp.Limits) bool {
	if row.base == nil {
		_, b, _ := p.Inequalities()
		_, f, _ := p.Equalities()
		row.make(p.Dim(), len(b)+len(f))
	}
	row.lim = lim
	row.state = p.Form()
	row.state.A = lim.A
	row.sizes = program.RowSizes(row.sizes[:0], lim.A, row.state.Size)
	row.state.RowSize = row.sizes
	row.Entity, row.Known, row.proved, row.Excess, row.Own = 0, false, false, 0, false
	row.B, row.F, row.L, row.U = p.Resolve(lim)
	if !row.load() {
		return false
	}
	row.work.Begin(&row.g)
	return true
}

func (row *matrixRow) make(n, m int) {
	for _, v := range []*[]float64{&row.Prefix, &row.Given, &row.atLow, &row.atUpper, &row.base, &row.g.C} {
		*v = make([]float64, n)
	}
	row.rows, row.scale = make([]int, 0, m), make([]float64, 0, m)
	row.g.A, row.g.Equality = make([]float64, 0, m*n), make([]bool, 0, m)
	row.q = basis.Query{R: make([]float64, m), Up: make([]float64, n+m), Tol: make([]float64, n+m), Growth: 1}
}

// load makes the program. It reports whether there is one.
func (row *matrixRow) load() bool {
	p, n := &row.state, len(row.base)
	g, q := &row.g, &row.q
	row.rows, row.scale, g.A, g.Equality = row.rows[:0], row.scale[:0], g.A[:0], g.Equality[:0]
	q.R, q.Up, q.Tol = q.R[:cap(q.R)], q.Up[:cap(q.Up)], q.Tol[:cap(q.Tol)]
	clear(g.C)
	add := func(k int, c []float64, rhs float64, equality bool) bool {
		most := vec.MaxAbs(c)
		if most-most != 0 || rhs-rhs != 0 {
			return false
		}
		s := 1.
		if most > 0 {
			s = vec.PowerScale(most)
		}
		x := len(row.rows)
		row.rows, row.scale, g.Equality = append(row.rows, k), append(row.scale, s), append(g.Equality, equality)
		for _, v := range c {
			g.A = append(g.A, v*s)
		}
		q.R[x] = rhs * s
		q.Up[n+x] = math.Inf(1)
		if equality {
			q.Up[n+x] = 0
		}
		q.Tol[n+x] = tolerance.Rounding * max(1, math.Abs(rhs)) * s
		return true
	}
	for k, f := range row.F {
		if !add(k, p.E[k*n:(k+1)*n], f, true) {
			return false
		}
	}
	for k, b := range row.B {
		if math.IsInf(b, 1) {
			continue
		}
		if !add(k, p.A[k*n:(k+1)*n], b, false) {
			return false
		}
	}
	m := len(row.rows)
	g.M, g.N = m, n
	q.R, q.Up, q.Tol = q.R[:m], q.Up[:n+m], q.Tol[:n+m]
	return row.bound()
}

// bound finds bounds of all entities, where need be those that rows and the bounds
// of others imply, and counts from the lower ones. What is implied is made wider, so
// that it cuts nothing off. It reports whether there are any.
func (row *matrixRow) bound() bool {
	l, u := row.atLow, row.atUpper
	copy(l, row.L)
	copy(u, row.U)
	finite := true
	for j := range l {
		if !(l[j] <= u[j]) || math.IsInf(l[j], 1) || math.IsInf(u[j], -1) {
			return false
		}
		finite = finite && !math.IsInf(l[j], 0) && !math.IsInf(u[j], 0)
	}
	for range 3 {
		if finite {
			break
		}
		finite = row.imply(l, u)
	}
	for j := range l {
		if math.IsInf(l[j], 0) {
			return false
		}
		if math.IsInf(row.L[j], 0) {
			l[j] -= max(1, math.Abs(l[j]))
		}
		if math.IsInf(row.U[j], 0) {
			u[j] += max(1, math.Abs(u[j]))
		}
		row.base[j], row.q.Up[j] = l[j], u[j]-l[j]
		row.q.Tol[j] = tolerance.Rounding * max(1, math.Abs(l[j]))
		row.move(j, l[j])
	}
	return true
}

// imply tightens bounds that are infinite by all rows. It reports whether all are
// finite then.
func (row *matrixRow) imply(l, u []float64) bool {
	g := &row.g
	n := g.N
	for x := range g.M {
		c, rhs := g.A[x*n:(x+1)*n], row.q.R[x]
		for _, sign := range [...]float64{1, -1} {
			if sign < 0 && !g.Equality[x] {
				break
			}
			// In sum c a <= rhs an entity can take what the least of the others does not.
			least, open, at := 0., 0, 0
			for j, v := range c {
				v *= sign
				t := 0.
				if v > 0 {
					t = v * l[j]
				} else if v < 0 {
					t = v * u[j]
				}
				if math.IsInf(t, 0) {
					open, at = open+1, j
					continue
				}
				least += t
			}
			if open > 1 {
				continue
			}
			for j, v := range c {
				v *= sign
				if v == 0 || open == 1 && j != at {
					continue
				}
				rest := sign*rhs - least
				switch {
				case v > 0 && math.IsInf(u[j], 1):
					if open == 0 {
						rest += v * l[j]
					}
					u[j] = rest / v
				case v < 0 && math.IsInf(l[j], -1):
					if open == 0 {
						rest += v * u[j]
					}
					l[j] = rest / v
				}
			}
		}
	}
	for j := range l {
		if math.IsInf(l[j], 0) || math.IsInf(u[j], 0) {
			return false
		}
	}
	return true
}

// move subtracts the terms of z_j from the right-hand sides.
func (row *matrixRow) move(j int, z float64) {
	if z == 0 {
		return
	}
	n := row.g.N
	for x := range row.q.R {
		row.q.R[x] -= row.g.A[x*n+j] * z
	}
}

// answer finds the interval of the next entity. It reports whether it did.
func (row *matrixRow) answer() bool {
	i := row.Entity
	if row.Excess > tolerance.Witness {
		return false
	}
	// An allocation that takes the entity at its bound proves that endpoint.
	if row.Known && row.Given[i] <= row.L[i] {
		copy(row.atLow, row.Given)
	} else if !row.endpoint(i, false) {
		return false
	}
	if row.Known && row.Given[i] >= row.U[i] {
		copy(row.atUpper, row.Given)
	} else if !row.endpoint(i, true) {
		return false
	}
	row.lo, row.hi = row.atLow[i], row.atUpper[i]
	if row.lo > row.hi {
		mid := row.lo + (row.hi-row.lo)/2
		row.lo, row.hi = mid, mid
		row.atLow[i], row.atUpper[i] = mid, mid
	}
	row.proved = true
	return true
}

// endpoint finds one endpoint and its witness. It reports whether both are proved.
func (row *matrixRow) endpoint(i int, upper bool) bool {
	at, cost := row.atLow, 1.
	if upper {
		at, cost = row.atUpper, -1
		if math.IsInf(row.q.Up[i], 1) {
			return false
		}
	}
	g, q, w := &row.g, &row.q, &row.work
	g.C[i] = cost
	ok := false
	// A prefix chosen between proved allocations may be infeasible by up to
	// tolerance.Witness. The least part that does is tried first: multipliers make a gap of
	// what it relaxes.
	for _, part := range [...]float64{tight, 8 * tight, 64 * tight, 1, 4} {
		if part > tight && !w.Renew() {
			break
		}
		if w.Along(q, i, part) == basis.Solved && w.Feasible(q, part) {
			w.Columns(q, at)
			for j := range at {
				if j < i {
					at[j] = row.Prefix[j]
					continue
				}
				at[j] = min(max(row.base[j]+at[j], row.L[j]), row.U[j])
			}
			if ok = row.optimal(at); ok {
				break
			}
		}
	}
	g.C[i] = 0
	return ok
}

// optimal reports whether an allocation satisfies all constraints and no other has
// an endpoint further out: with reduced costs z, none does by more than the sum of
// |z_j| times its distance from the bound that z_j asks for.
func (row *matrixRow) optimal(at []float64) bool {
	var ok bool
	if row.excesses, ok = row.state.Feasible(row.excesses[:0], at, row.B, row.F, row.L, row.U, tolerance.Witness); !ok {
		return false
	}
	z, n := row.work.Reduced(), row.g.N
	gap, sens := 0., 0.
	for j := row.Entity; j < n; j++ {
		d := at[j] - row.base[j]
		if z[j] < 0 {
			d = row.base[j] + row.q.Up[j] - at[j]
		}
		if math.IsInf(d, 0) {
			if math.Abs(z[j]) > 1e-13 {
				return false
			}
			continue
		}
		gap += math.Abs(z[j]) * d
	}
	for x, k := range row.rows {
		t := z[n+x]
		sens += math.Abs(t) * row.q.Tol[n+x] / tolerance.Rounding
		if row.g.Equality[x] {
			gap += math.Abs(t) * row.scale[x] * math.Abs(row.excesses[len(row.B)+k])
			continue
		}
		if t < 0 {
			// The wrong sign: no part of the bound.
			if t < -1e-13 {
				return false
			}
			continue
		}
		if t > 0 {
			gap += t * row.scale[x] * math.Abs(row.excesses[k])
		}
	}
	return sens <= tolerance.Sensitivity*row.state.Size[row.Entity] && gap <= tolerance.Gap*row.state.EntityScale(row.Entity, at[row.Entity])
}

// within reports whether a is of the interval that was answered, up to rounding.
func (row *matrixRow) within(a float64) bool {
	return !relay.Outside(a, row.lo, row.hi)
}

// fix takes the next entity to a.
func (row *matrixRow) fix(a float64) {
	i := row.Entity
	row.Prefix[i] = a
	row.Entity++
	row.move(i, a-row.base[i])
	row.base[i], row.q.Up[i] = a, 0
	row.Known = false
	scale := row.state.EntityScale(i, a)
	row.Excess = max(row.Excess, (row.L[i]-a)/scale, (a-row.U[i])/scale)
	if !row.proved || !(a >= row.lo && a <= row.hi) {
		return
	}
	relay.Combine(row.Given, row.Prefix, row.atLow, row.atUpper, i)
	row.Known = true
}
