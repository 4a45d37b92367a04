package warm

import (
	"math"
	"slices"

	"paspo/lp"
	"paspo/lp/internal/basis"
	"paspo/lp/internal/tolerance"
	"paspo/lp/internal/vec"
	"paspo/lp/interval/relay"
)

// Split is what actions of a polytope with convex terms share. An entity with terms is made of
// columns between bounds, so that terms are linear in these and no row is added,
//
//	a_j = base_j + p_j - q_j,   0 <= p_j <= u_j - base_j,   0 <= q_j <= base_j - l_j,
//
// where base is From, or the bound that it is beyond: terms are above p_j + below q_j. An
// entity whose terms have another From too, as 0 beside a holding, has a third column for what
// is between the two, up or down from base, and p_j or q_j begins behind it. Rows are
// convex, so that columns which are farther out cost no less. A holding moves right-hand sides
// and bounds, and the third column where it passes the other From.
type Split struct {
	p            *lp.Polytope
	terms        [][]lp.Term  // of every inequality, by entity
	begin        [][]int      // of every inequality: the first term of every entity
	from         [][2]lp.Term // of every entity, whose Froms it has; weights 0 where it has none
	up, low, mid []int        // columns of every entity, -1 where there is none
	all          [][]int      // these of every entity
	between      []sides      // of every mid column
	g            basis.Program
	linear       []float64 // M x n: the rows without terms, scaled
	scale        []float64 // of rows, powers of two: equalities, then inequalities
	sizes        []float64 // of these
}

// sides are the coefficients that a column between two Froms has, M each.
type sides struct{ up, down []float64 }

// same says whether two terms count from the same.
func same(a, b lp.Term) bool {
	if a.Holding || b.Holding {
		return a.Holding && b.Holding && a.From == b.From
	}
	return a.From == b.From
}

// NewSplit returns nil where columns do not serve: where an entity has three Froms, units of
// amounts differ, or there are too many rows.
func NewSplit(p *lp.Polytope) *Split {
	n := p.Dim()
	lifted := p.Lifted().Canonical()
	if d, _, _ := lifted.Units(); d != nil && slices.Max(d[:n]) != slices.Min(d[:n]) {
		return nil
	}
	a, b, _ := p.Inequalities()
	e, f, _ := p.Equalities()
	rows, equalities := p.RowSizes()
	s := &Split{p: p, from: make([][2]lp.Term, n), sizes: slices.Concat(equalities, rows)}
	for k := range b {
		terms := slices.Clone(p.Terms(k))
		slices.SortStableFunc(terms, func(a, b lp.Term) int { return a.Entity - b.Entity })
		first := make([]int, n+1)
		for j := range first {
			for first[j] = len(terms); first[j] > 0 && terms[first[j]-1].Entity >= j; first[j]-- {
			}
		}
		s.terms, s.begin = append(s.terms, terms), append(s.begin, first)
		for _, t := range terms {
			switch x := &s.from[t.Entity]; {
			case !has(x[0]):
				x[0] = t
			case same(x[0], t):
			case !has(x[1]):
				x[1] = t
			case !same(x[1], t):
				return nil
			}
		}
	}
	cols := 0
	add := func() int {
		cols++
		return cols - 1
	}
	for j := range n {
		// What is held is where most of an action stays.
		if x := &s.from[j]; has(x[1]) && x[1].Holding {
			x[0], x[1] = x[1], x[0]
		}
		s.up, s.low, s.mid = append(s.up, add()), append(s.low, -1), append(s.mid, -1)
		if s.split(j) {
			s.low[j] = add()
		}
		if has(s.from[j][1]) {
			s.mid[j] = add()
		}
		of := []int{s.up[j], s.low[j], s.mid[j]}
		s.all = append(s.all, slices.DeleteFunc(of, func(c int) bool { return c < 0 }))
	}
	m := len(f) + len(b)
	if TooManyRows(p) || m == 0 {
		return nil
	}
	s.g = basis.Program{M: m, N: cols, A: make([]float64, m*cols)}
	s.between = make([]sides, n)
	for j, c := range s.mid {
		if c >= 0 {
			s.between[j] = sides{make([]float64, m), make([]float64, m)}
		}
	}
	for k := range m {
		row := s.g.A[k*cols : (k+1)*cols]
		var coef []float64
		if k < len(f) {
			coef = e[k*n : (k+1)*n]
		} else {
			coef = a[(k-len(f))*n : (k-len(f)+1)*n]
		}
		for j, c := range coef {
			row[s.up[j]] = c
			if s.split(j) {
				row[s.low[j]] = -c
			}
			if s.mid[j] >= 0 {
				s.between[j].up[k], s.between[j].down[k] = c, -c
			}
		}
		if k >= len(f) {
			for _, t := range s.terms[k-len(f)] {
				j := t.Entity
				row[s.up[j]] += t.Above
				row[s.low[j]] += t.Below
				if s.mid[j] < 0 {
					continue
				}
				if same(t, s.from[j][0]) {
					s.between[j].up[k] += t.Above
					s.between[j].down[k] += t.Below
				} else { // towards what it counts from
					s.between[j].up[k] -= t.Below
					s.between[j].down[k] -= t.Above
				}
			}
		}
		scale := 1.
		if most := vec.MaxAbs(row); most > 0 {
			scale = vec.PowerScale(most)
		}
		for c := range row {
			row[c] *= scale
		}
		for j, c := range s.mid {
			if c >= 0 {
				s.between[j].up[k] *= scale
				s.between[j].down[k] *= scale
			}
		}
		for _, c := range coef {
			s.linear = append(s.linear, c*scale)
		}
		s.scale, s.g.Equality = append(s.scale, scale), append(s.g.Equality, k < len(f))
	}
	s.g.Columns = make([]float64, m*cols)
	for k := range m {
		for c := range cols {
			s.g.Columns[c*m+k] = s.g.A[k*cols+c]
		}
	}
	return s
}

func has(t lp.Term) bool { return t.Above+t.Below > 0 }

func (s *Split) split(j int) bool { return has(s.from[j][0]) }

// SplitRow is one action.
type SplitRow struct {
	s          *Split
	b, f, l, u []float64
	holdings   []float64
	base       []float64
	both       []bool // of entities: the columns up and down are open
	down       []bool // of entities: the column between two Froms goes down

	g     basis.Program // with costs of its own, and coefficients where some entity has two Froms
	q     basis.Query
	works [2]basis.Work
	work  *basis.Work
	x     []float64 // columns

	entity                 int
	prefix                 []float64
	fixed                  []float64 // of rows: what the prefix comes to
	atLow, atUpper, given  []float64
	known, proved, outside bool

	Lo, Hi float64 // of the last answer
}

// NewRow returns a row for actions to come.
func (s *Split) NewRow() *SplitRow {
	n, m, cols := len(s.from), s.g.M, s.g.N
	r := &SplitRow{s: s, g: s.g, both: make([]bool, n), down: make([]bool, n), fixed: make([]float64, m)}
	for _, v := range []*[]float64{&r.base, &r.prefix, &r.atLow, &r.atUpper, &r.given} {
		*v = make([]float64, n)
	}
	r.g.C, r.x = make([]float64, cols), make([]float64, cols)
	if slices.Max(s.mid) >= 0 {
		r.g.A, r.g.Columns = slices.Clone(s.g.A), slices.Clone(s.g.Columns)
		for j := range n {
			r.turn(j, false)
		}
	}
	r.q = basis.Query{R: make([]float64, m), Up: make([]float64, cols+m), Tol: make([]float64, cols+m), Growth: 1}
	return r
}

// turn has the column between two Froms of an entity go up or down.
func (r *SplitRow) turn(j int, down bool) {
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

// Begin takes over a state, nil for the polytope's own limits. It reports whether columns
// serve it.
func (r *SplitRow) Begin(lim *lp.Limits) bool {
	s, q := r.s, &r.q
	r.entity, r.known, r.proved, r.outside = 0, false, false, false
	if lim != nil && lim.A != nil {
		return false
	}
	r.holdings = nil
	if lim != nil {
		r.holdings = lim.Holdings
	}
	r.b, r.f, r.l, r.u = s.p.Resolve(lim)
	cols, n, sizes := s.g.N, len(s.from), s.p.Sizes()
	clear(r.g.C)
	clear(r.fixed)
	finite := true
	for j, l := range r.l {
		u, base, top := r.u[j], l, l
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
				// What is between the two Froms is the first of its side.
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
	k := len(r.f)
	for x := range s.g.M {
		rhs, up := 0., 0.
		if x < k {
			rhs = r.f[x]
		} else {
			rhs, up = r.b[x-k], math.Inf(1)
		}
		if rhs-rhs != 0 {
			return false
		}
		q.Up[cols+x], q.Tol[cols+x] = up, tolerance.Rounding*max(s.sizes[x], math.Abs(rhs))*s.scale[x]
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
	if !finite && !r.imply() {
		return false
	}
	r.works[0].Begin(&r.g)
	r.works[1].Begin(&r.g)
	return true
}

// imply gives columns without an upper bound those that rows imply, made wider so that they
// cut nothing off. It reports whether all have one then.
func (r *SplitRow) imply() bool {
	g, q := &r.g, &r.q
	finite := true
	for range 3 {
		for x := range g.M {
			row := g.A[x*g.N : (x+1)*g.N]
			for _, sign := range [...]float64{1, -1} {
				if sign < 0 && !g.Equality[x] {
					break
				}
				least := 0.
				for c, v := range row {
					if v *= sign; v < 0 {
						least += v * q.Up[c]
					}
				}
				if math.IsInf(least, -1) {
					continue
				}
				for c, v := range row {
					if v *= sign; v > 0 && math.IsInf(q.Up[c], 1) {
						most := max(0, (sign*q.R[x]-least)/v)
						q.Up[c] = most + max(most, q.Tol[c]/tolerance.Rounding)
					}
				}
			}
		}
		finite = true
		for _, v := range q.Up[:g.N] {
			finite = finite && !math.IsInf(v, 1)
		}
		if finite {
			break
		}
	}
	return finite
}

// Answer finds the interval of the next entity. It reports whether it did.
func (r *SplitRow) Answer() bool {
	i := r.entity
	if r.outside {
		return false
	}
	// An allocation that takes the entity at its bound proves that endpoint.
	if r.known && r.given[i] <= r.l[i] {
		copy(r.atLow, r.given)
	} else if !r.endpoint(i, 1, r.atLow) {
		return false
	}
	if r.known && r.given[i] >= r.u[i] {
		copy(r.atUpper, r.given)
	} else if !r.endpoint(i, -1, r.atUpper) {
		return false
	}
	r.Lo, r.Hi = r.atLow[i], r.atUpper[i]
	if r.Lo > r.Hi {
		mid := r.Lo + (r.Hi-r.Lo)/2
		r.Lo, r.Hi = mid, mid
		r.atLow[i], r.atUpper[i] = mid, mid
	}
	r.proved = true
	return true
}

// endpoint finds the least a_i times a cost of 1 or -1, and its witness. It reports whether
// both are proved.
func (r *SplitRow) endpoint(i int, cost float64, at []float64) bool {
	r.work = &r.works[0]
	if cost < 0 {
		r.work = &r.works[1]
	}
	s, q, w := r.s, &r.q, r.work
	of := s.all[i]
	r.price(i, cost)
	ok := false
	for _, part := range [...]float64{tight, 8 * tight, 64 * tight, 1, 4} {
		if part > tight && !w.Renew() {
			break
		}
		var status basis.Status
		if len(of) > 1 {
			status = w.AlongColumns(q, of, part)
		} else {
			status = w.Along(q, of[0], part)
		}
		// The point as the search left it, and a sharper one where that proves nothing.
		if status != basis.Solved || !w.Settled(q, part) {
			continue
		}
		if ok = r.read(at); !ok && w.Feasible(q, part) {
			ok = r.read(at)
		}
		if ok {
			break
		}
	}
	r.price(i, 0)
	return ok
}

// read writes the allocation of the last basis. It reports whether that is proved.
func (r *SplitRow) read(at []float64) bool {
	s, i := r.s, r.entity
	r.work.Columns(&r.q, r.x)
	copy(at, r.prefix[:i])
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
		at[j] = min(max(v, r.l[j]), r.u[j])
	}
	return r.optimal(at)
}

// price gives the columns of an entity the cost that it has.
func (r *SplitRow) price(i int, cost float64) {
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

// optimal reports whether an allocation satisfies all constraints and no other has an
// endpoint further out: weak duality in the columns, from which it was made.
func (r *SplitRow) optimal(at []float64) bool {
	s, q := r.s, &r.q
	n, cols, k, i := len(s.from), s.g.N, len(r.f), r.entity
	z := r.work.Sharpened()
	gap, sens := 0., 0.
	for c := s.up[i]; c < cols; c++ {
		if v := z[c]; v > 0 {
			gap += v * r.x[c]
		} else if v < 0 {
			gap -= v * (q.Up[c] - r.x[c])
		}
	}
	for x := range s.g.M {
		// At the allocation itself.
		scale := s.scale[x]
		excess := r.fixed[x] + vec.Dot(s.linear[x*n+i:(x+1)*n], at[i:])
		if x < k {
			excess -= r.f[x] * scale
			if !(math.Abs(excess) <= tolerance.Witness*scale*max(s.sizes[x], math.Abs(r.f[x]))) {
				return false
			}
		} else {
			b := r.b[x-k]
			excess += scale * (r.counted(x-k, i, n, at) - b)
			if !(excess <= tolerance.Witness*scale*max(s.sizes[x], math.Abs(b))) {
				return false
			}
		}
		t := z[cols+x]
		if t == 0 {
			continue
		}
		sens += math.Abs(t) * q.Tol[cols+x] / tolerance.Rounding
		if t < 0 && x >= k {
			if t < -1e-13 {
				return false
			}
			continue // the wrong sign: no part of the bound
		}
		gap += math.Abs(t) * math.Abs(q.R[x]-vec.Dot(r.g.A[x*cols:(x+1)*cols], r.x))
	}
	size := s.p.Sizes()[i]
	return sens <= tolerance.Sensitivity*size && gap <= tolerance.Gap*max(size, math.Abs(at[i]))
}

// counted returns what terms of an inequality come to of entities first..end-1.
func (r *SplitRow) counted(x, first, end int, at []float64) (sum float64) {
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

// Fix takes the next entity to a. It reports whether the row can go on.
func (r *SplitRow) Fix(a float64) bool {
	s, q, i := r.s, &r.q, r.entity
	r.prefix[i] = a
	r.entity++
	n, k := len(s.from), len(r.f)
	for x := range r.fixed {
		r.fixed[x] += s.linear[x*n+i] * a
		if x >= k {
			r.fixed[x] += s.scale[x] * r.counted(x-k, i, i+1, r.prefix)
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
	if r.entity < n {
		r.works[0].Live(s.up[r.entity])
		r.works[1].Live(s.up[r.entity])
	}
	r.base[i], r.known = a, false
	scale := max(s.p.Sizes()[i], math.Abs(a))
	r.outside = r.outside || !(max(r.l[i]-a, a-r.u[i]) <= tolerance.Witness*scale)
	if !r.proved || relay.Outside(a, r.Lo, r.Hi) {
		return false
	}
	if a >= r.Lo && a <= r.Hi {
		relay.Combine(r.given, r.prefix, r.atLow, r.atUpper, i)
		r.known = true
	}
	return true
}

// take moves what a column is worth to the right-hand sides.
func (r *SplitRow) take(c int, d float64) {
	if d == 0 {
		return
	}
	m := r.g.M
	for x, v := range r.g.Columns[c*m : (c+1)*m] {
		r.q.R[x] -= v * d
	}
}

// Prefix returns the entities that are fixed.
func (r *SplitRow) Prefix() []float64 { return r.prefix[:r.entity] }
