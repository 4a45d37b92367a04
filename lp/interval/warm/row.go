package warm

import (
	"math"
	"slices"

	"paspo/lp"
	"paspo/lp/internal/basis"
	"paspo/lp/internal/program"
	"paspo/lp/internal/tolerance"
	"paspo/lp/internal/vec"
	"paspo/lp/interval/relay"
)

// row is one action, along which the basis goes on from one interval to the next.
type row struct {
	relay.Action
	s        *columns
	lim      *lp.Limits
	holdings []float64
	base     []float64
	both     []bool // of entities: they can go both up and down from base
	down     []bool // of entities: the column between two Froms goes down

	// linear, scale and sizes are those of columns, or of the state's own matrix.
	linear, scale, sizes []float64

	g          basis.Program // with costs of its own, and coefficients where those of states differ
	q          basis.Query
	works      [2]basis.Work // of the lower and the upper endpoint
	x, implied []float64     // of columns
	fixed      []float64     // of rows: what the prefix comes to
}

// newRow returns a row for actions to come.
func (s *columns) newRow() *row {
	n, m, cols := s.p.Dim(), s.g.M, s.g.N
	r := &row{
		s: s, linear: s.linear, scale: s.scale, sizes: s.sizes, g: s.g,
		base: make([]float64, n), both: make([]bool, n), down: make([]bool, n), fixed: make([]float64, m), x: make([]float64, cols),
	}
	r.Make(n)
	r.g.C = make([]float64, cols)
	if s.matrices || slices.Max(s.mid) >= 0 {
		r.g.A, r.g.Columns = slices.Clone(s.g.A), slices.Clone(s.g.Columns)
	}
	if s.matrices {
		r.linear, r.scale, r.sizes = r.g.A, make([]float64, m), make([]float64, m)
	}
	for j := range n {
		r.turn(j, false)
	}
	r.q = basis.Query{R: make([]float64, m), Up: make([]float64, cols+m), Tol: make([]float64, cols+m), Growth: 1}
	for x, equality := range s.g.Equality {
		if !equality {
			r.q.Up[cols+x] = math.Inf(1)
		}
	}
	return r
}

// turn has the column between two Froms of an entity go up or down.
func (r *row) turn(j int, down bool) {
	c := r.s.mid[j]
	if c < 0 {
		return
	}
	r.down[j] = down
	of := r.s.between[j].up
	if down {
		of = r.s.between[j].down
	}
	m := r.g.M
	copy(r.g.Columns[c*m:(c+1)*m], of)
	for k, v := range of {
		r.g.A[k*r.g.N+c] = v
	}
}

// begin starts an action in a state, nil for the polytope's own limits. It reports whether
// columns serve it.
func (r *row) begin(lim *lp.Limits) bool {
	r.Begin(r.s.p, lim)
	r.lim, r.holdings = lim, nil
	if lim != nil {
		r.holdings = lim.Holdings
	}
	clear(r.g.C)
	clear(r.fixed)
	serve := r.beginTerms
	if r.s.matrices {
		serve = r.beginMatrix
	}
	if !r.s.serves(r.B, r.L, r.U) || !serve() {
		return false
	}
	r.works[0].Begin(&r.g)
	r.works[1].Begin(&r.g)
	return true
}

// beginTerms writes the bounds of columns and the right-hand sides.
func (r *row) beginTerms() bool {
	s, q := r.s, &r.q
	cols, n, sizes := s.g.N, s.p.Dim(), s.p.Sizes()
	finite := true
	for j, l := range r.L {
		u, base, top := r.U[j], l, l
		tol := tolerance.Rounding
		if s.split(j) {
			from := s.from[j][0].Origin(r.holdings)
			base = min(max(from, l), u)
			top = base
			down := base - l
			if r.both[j] = from == base; from < base {
				down = 0
			}
			tol *= max(sizes[j], math.Abs(base))
			if c := s.mid[j]; c >= 0 {
				// The segment between the two amounts begins at base, and p or q where it ends.
				other := min(max(s.from[j][1].Origin(r.holdings), l), u)
				if below := other < base; below != r.down[j] {
					r.turn(j, below)
				}
				if other < base {
					down = other - l
				} else {
					top = other
				}
				q.Up[c], q.Tol[c] = math.Abs(other-base), tol
			}
			q.Up[s.low[j]], q.Tol[s.low[j]] = down, tol
			finite = finite && !math.IsInf(down, 1)
		} else {
			tol *= max(sizes[j], math.Abs(base))
		}
		if !(l <= u) || base-base != 0 {
			return false
		}
		r.base[j] = base
		q.Up[s.up[j]], q.Tol[s.up[j]] = u-top, tol
		finite = finite && !math.IsInf(u, 1)
	}
	k := len(r.F)
	for x := range s.g.M {
		rhs := r.limit(x)
		if rhs-rhs != 0 {
			return false
		}
		q.Tol[cols+x] = tolerance.Rounding * max(s.sizes[x], math.Abs(rhs)) * s.scale[x]
		q.R[x] = rhs*s.scale[x] - vec.Dot(s.linear[x*n:(x+1)*n], r.base)
		if x < k {
			continue
		}
		for i := range s.terms[x-k] {
			t := &s.terms[x-k][i]
			if d := r.base[t.Entity] - t.Origin(r.holdings); d > 0 {
				q.R[x] -= t.Above * d * s.scale[x]
			} else {
				q.R[x] += t.Below * d * s.scale[x]
			}
		}
	}
	if finite {
		return true
	}
	clear(r.x)
	r.implied = append(r.implied[:0], q.Up[:cols]...)
	imply(&r.g, q.R, r.x, r.implied)
	for c, v := range r.implied {
		if math.IsInf(v, 1) {
			return false
		}
		if math.IsInf(q.Up[c], 1) {
			v = max(0, v)
			q.Up[c] = v + max(v, q.Tol[c]/tolerance.Rounding)
		}
	}
	return true
}

// limit returns the right-hand side of a row, equalities first.
func (r *row) limit(x int) float64 {
	if k := len(r.F); x >= k {
		return r.B[r.s.rows[x-k]]
	}
	return r.F[x]
}

// beginMatrix does the same for a matrix of the state, in units of a canonical form.
// Infinite bounds are replaced by those that rows and other bounds imply, relaxed so that
// they cut nothing off.
func (r *row) beginMatrix() bool {
	s, q, g := r.s, &r.q, &r.g
	n, k, form := g.N, len(r.F), s.p.Form()
	program.RowSizes(append(r.sizes[:0], form.EqSize...), r.lim.A, form.Size)
	for x := range g.M {
		rhs, coef := r.limit(x), g.A[x*n:(x+1)*n]
		if x < k {
			copy(coef, form.E[x*n:(x+1)*n])
		} else {
			copy(coef, r.lim.A[(x-k)*n:(x-k+1)*n])
		}
		if math.IsInf(rhs, 1) { // no limit
			rhs = 0
			clear(coef)
		}
		if most := vec.MaxAbs(coef); most-most != 0 || rhs-rhs != 0 {
			return false
		}
		r.scale[x] = vec.PowerScale(coef)
		for j := range coef {
			coef[j] *= r.scale[x]
		}
		q.R[x] = rhs * r.scale[x]
		q.Tol[n+x] = tolerance.Rounding * max(1, math.Abs(rhs)) * r.scale[x]
	}
	transpose(g)
	l, u := r.AtLow, r.AtUpper
	copy(l, r.L)
	copy(u, r.U)
	for j := range l {
		if !(l[j] <= u[j]) || math.IsInf(l[j], 1) || math.IsInf(u[j], -1) {
			return false
		}
	}
	imply(g, q.R, l, u)
	for j := range l {
		if math.IsInf(l[j], 0) {
			return false
		}
		if math.IsInf(r.L[j], 0) {
			l[j] -= max(1, math.Abs(l[j]))
		}
		if math.IsInf(r.U[j], 0) {
			u[j] += max(1, math.Abs(u[j]))
		}
		r.base[j], q.Up[j] = l[j], u[j]-l[j]
		q.Tol[j] = tolerance.Rounding * max(1, math.Abs(l[j]))
		r.take(j, l[j])
	}
	return true
}

// imply replaces infinite bounds by those that rows A x <= rhs or = rhs and the bounds of the
// other variables imply, as far as three passes over the rows find any.
func imply(g *basis.Program, rhs, l, u []float64) {
	for range 3 {
		if !slices.ContainsFunc(l, func(v float64) bool { return math.IsInf(v, 0) }) && !slices.ContainsFunc(u, func(v float64) bool { return math.IsInf(v, 0) }) {
			return
		}
		for x := range g.M {
			implyBy(g.A[x*g.N:(x+1)*g.N], rhs[x], 1, l, u)
			if g.Equality[x] {
				implyBy(g.A[x*g.N:(x+1)*g.N], rhs[x], -1, l, u)
			}
		}
	}
}

// implyBy goes by sign c . x <= sign rhs: a variable can take what the least of the others
// does not.
func implyBy(c []float64, rhs, sign float64, l, u []float64) {
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
		return
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

// answer finds the interval of the next entity. It reports whether it did.
func (r *row) answer() bool {
	if r.Excess > tolerance.Witness || !r.AtBound(false) && !r.endpoint(false) || !r.AtBound(true) && !r.endpoint(true) {
		return false
	}
	r.Prove()
	return true
}

// work returns the search of an endpoint: with terms one goes from lower to lower endpoint
// and one from upper to upper, under a matrix of the state one from each endpoint to the
// next.
func (r *row) work(upper bool) *basis.Work {
	if upper && !r.s.matrices {
		return &r.works[1]
	}
	return &r.works[0]
}

// endpoint finds one endpoint and its witness, an allocation that attains it. It reports whether both are proved.
func (r *row) endpoint(upper bool) bool {
	i, cost, at := r.Entity, 1., r.AtLow
	if upper {
		cost, at = -1, r.AtUpper
	}
	q, w := &r.q, r.work(upper)
	r.price(i, cost)
	defer r.price(i, 0)
	// A prefix chosen between proved allocations may be infeasible by up to
	// tolerance.Witness, so a part of the tolerances may be violated. The smallest part is
	// tried first: multipliers turn what is violated into a gap.
	for _, part := range [...]float64{tight, 8 * tight, 64 * tight, 1, 4} {
		if part > tight && !w.Renew() {
			return false
		}
		if w.Along(q, r.s.all[i], part) != basis.Solved {
			continue
		}
		// The point as the search left it, and a sharper one where that misses a row by more
		// than the search may.
		if !r.s.matrices && r.read(w, at, part) || w.Feasible(q, part) && r.read(w, at, 0) {
			return true
		}
	}
	return false
}

// price gives the columns of an entity the cost that it has.
func (r *row) price(i int, cost float64) {
	s := r.s
	r.g.C[s.up[i]] = cost
	if c := s.low[i]; c >= 0 {
		r.g.C[c] = -cost
	}
	if c := s.mid[i]; c >= 0 && r.down[i] {
		r.g.C[c] = -cost
	} else if c >= 0 {
		r.g.C[c] = cost
	}
}

// read writes the allocation of the last basis of a search. It reports whether that is
// proved, with rows that it misses by at most part of their tolerances, or by
// tolerance.Witness where part is 0.
func (r *row) read(w *basis.Work, at []float64, part float64) bool {
	s, i := r.s, r.Entity
	w.Columns(&r.q, r.x)
	copy(at, r.Prefix[:i])
	for j := i; j < len(at); j++ {
		v := r.base[j] + r.x[s.up[j]]
		if c := s.low[j]; c >= 0 {
			v -= r.x[c]
		}
		if c := s.mid[j]; c >= 0 && r.down[j] {
			v -= r.x[c]
		} else if c >= 0 {
			v += r.x[c]
		}
		at[j] = min(max(v, r.L[j]), r.U[j])
	}
	return r.optimal(w, at, part)
}

// optimal reports whether an allocation satisfies all constraints and no other has an
// endpoint further out, by weak duality in the columns, from which it was made: with reduced
// costs z, none does by more than the sum of |z_c| times the distance of each column from the
// bound that z_c asks for.
func (r *row) optimal(w *basis.Work, at []float64, part float64) bool {
	s, q := r.s, &r.q
	n, cols, k, i := s.p.Dim(), s.g.N, len(r.F), r.Entity
	const none = 1e-13 // of the wrong sign: no part of the bound
	z := w.Reduced()
	gap, sens := 0., 0.
	for c := s.up[i]; c < cols; c++ {
		d := r.x[c]
		switch {
		case z[c] == 0:
			continue
		case z[c] < 0:
			d = q.Up[c] - d
		}
		if math.IsInf(d, 0) {
			if z[c] < -none {
				return false
			}
			continue
		}
		gap += math.Abs(z[c]) * d
	}
	for x := range s.g.M {
		// excess is by how much the allocation itself breaks the row.
		rhs, scale := r.limit(x), r.scale[x]
		excess := r.fixed[x] + vec.Dot(r.linear[x*n+i:(x+1)*n], at[i:]) - rhs*scale
		if x >= k {
			excess += scale * r.counted(x-k, i, n, at)
		}
		most := part / 2 * q.Tol[cols+x]
		if part == 0 {
			most = tolerance.Witness * scale * max(r.sizes[x], math.Abs(rhs))
		}
		if !(excess <= most) || x < k && !(-excess <= most) {
			return false
		}
		t := z[cols+x]
		if t == 0 {
			continue
		}
		sens += math.Abs(t) * q.Tol[cols+x] / tolerance.Rounding
		if t < 0 && x >= k {
			if t < -none {
				return false
			}
			continue
		}
		gap += math.Abs(t * excess)
	}
	size := s.p.Sizes()[i]
	return sens <= tolerance.Sensitivity*size && gap <= tolerance.Gap*max(size, math.Abs(at[i]))
}

// counted returns what terms of an inequality come to of entities first..end-1.
func (r *row) counted(x, first, end int, at []float64) (sum float64) {
	s := r.s
	terms := s.terms[x]
	if len(terms) == 0 {
		return 0
	}
	terms = terms[s.begin[x][first]:s.begin[x][end]]
	for i := range terms {
		t := &terms[i]
		from := t.From
		if t.Holding && r.holdings != nil {
			from = r.holdings[t.Entity]
		}
		if d := at[t.Entity] - from; d > 0 {
			sum += t.Above * d
		} else {
			sum -= t.Below * d
		}
	}
	return sum
}

// fix takes the next entity to a.
func (r *row) fix(a float64) {
	s, q, i := r.s, &r.q, r.Entity
	r.Fix(a)
	n, k := s.p.Dim(), len(r.F)
	for x := range r.fixed {
		r.fixed[x] += r.linear[x*n+i] * a
		if x >= k {
			r.fixed[x] += r.scale[x] * r.counted(x-k, i, i+1, r.Prefix)
		}
	}
	c, d := s.up[i], a-r.base[i]
	if low := s.low[i]; low >= 0 {
		mid := s.mid[i]
		open := q.Up[low] > 0 || mid >= 0 && r.down[i] && q.Up[mid] > 0
		below := r.both[i] && d < 0 || !r.both[i] && open
		if below {
			c, d = low, -d
		}
		if mid >= 0 && below == r.down[i] {
			first := min(d, q.Up[mid])
			r.take(mid, first)
			d -= first
		}
		if mid >= 0 {
			q.Up[mid] = 0
		}
		q.Up[low] = 0
	}
	r.take(c, d)
	q.Up[s.up[i]] = 0
	if r.Entity < n {
		r.works[0].Live(s.up[r.Entity])
		r.works[1].Live(s.up[r.Entity])
	}
	r.base[i] = a
}

// take subtracts from the right-hand sides what column c contributes at the value d.
func (r *row) take(c int, d float64) {
	if d == 0 {
		return
	}
	m := r.g.M
	for x, v := range r.g.Columns[c*m : (c+1)*m] {
		r.q.R[x] -= v * d
	}
}
