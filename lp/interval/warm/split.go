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

// Split is what actions of a polytope with convex terms share, of which each entity has one
// From. An entity with terms is the difference of two columns,
//
//	a_j = base_j + p_j - q_j,   0 <= p_j <= u_j - base_j,   0 <= q_j <= base_j - l_j,
//
// where base is From, or the bound that it is beyond, so that terms are linear in the
// columns: above p_j + below q_j. No row is added, and a holding moves right-hand sides and
// bounds alone.
type Split struct {
	p       *lp.Polytope
	terms   [][]lp.Term // of every inequality
	from    []lp.Term   // of every entity, whose From it has; weights 0 where it has none
	up, low []int       // columns p_j and q_j of every entity, -1 where there is none
	g       basis.Program
	linear  []float64 // M x n: the rows without terms, scaled
	scale   []float64 // of rows, powers of two: equalities, then inequalities
	sizes   []float64 // of these
}

// NewSplit returns nil where columns do not serve: where an entity has two Froms, units of
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
	s := &Split{p: p, from: make([]lp.Term, n), sizes: slices.Concat(equalities, rows)}
	for k := range b {
		s.terms = append(s.terms, p.Terms(k))
		for _, t := range s.terms[k] {
			if x := &s.from[t.Entity]; x.Above+x.Below == 0 {
				*x = t
			} else if x.From != t.From || x.Holding != t.Holding {
				return nil
			}
		}
	}
	cols := 0
	for j := range n {
		s.up, s.low = append(s.up, cols), append(s.low, -1)
		if cols++; s.split(j) {
			s.low[j] = cols
			cols++
		}
	}
	m := len(f) + len(b)
	if TooManyRows(p) || m == 0 {
		return nil
	}
	s.g = basis.Program{M: m, N: cols, A: make([]float64, m*cols)}
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
		}
		if k >= len(f) {
			for _, t := range s.terms[k-len(f)] {
				row[s.up[t.Entity]] += t.Above
				row[s.low[t.Entity]] += t.Below
			}
		}
		scale := 1.
		if most := vec.MaxAbs(row); most > 0 {
			scale = vec.PowerScale(most)
		}
		for c := range row {
			row[c] *= scale
		}
		for _, c := range coef {
			s.linear = append(s.linear, c*scale)
		}
		s.scale, s.g.Equality = append(s.scale, scale), append(s.g.Equality, k < len(f))
	}
	return s
}

func (s *Split) split(j int) bool { return s.from[j].Above+s.from[j].Below > 0 }

// SplitRow is one action.
type SplitRow struct {
	s          *Split
	b, f, l, u []float64
	holdings   []float64
	base       []float64
	both       []bool // of entities: both columns are open

	g    basis.Program // with costs of its own
	q    basis.Query
	work basis.Work
	x    []float64 // columns

	entity                 int
	prefix                 []float64
	atLow, atUpper, given  []float64
	known, proved, outside bool

	Lo, Hi float64 // of the last answer
}

// NewRow returns a row for actions to come.
func (s *Split) NewRow() *SplitRow {
	n, m, cols := len(s.from), s.g.M, s.g.N
	r := &SplitRow{s: s, g: s.g, both: make([]bool, n)}
	for _, v := range []*[]float64{&r.base, &r.prefix, &r.atLow, &r.atUpper, &r.given} {
		*v = make([]float64, n)
	}
	r.g.C, r.x = make([]float64, cols), make([]float64, cols)
	r.q = basis.Query{R: make([]float64, m), Up: make([]float64, cols+m), Tol: make([]float64, cols+m), Growth: 1}
	return r
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
	finite := true
	for j, l := range r.l {
		u, base := r.u[j], l
		tol := tolerance.Rounding
		if s.split(j) {
			from := s.from[j].Origin(r.holdings)
			base = min(max(from, l), u)
			down := base - l
			if r.both[j] = from == base; from < base {
				down = 0
			}
			tol *= max(sizes[j], math.Abs(base))
			q.Up[s.low[j]], q.Tol[s.low[j]] = down, tol
			finite = finite && !math.IsInf(down, 1)
		} else {
			tol *= max(sizes[j], math.Abs(base))
		}
		if !(l <= u) || base-base != 0 {
			return false
		}
		r.base[j] = base
		q.Up[s.up[j]], q.Tol[s.up[j]] = u-base, tol
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
	r.work.Begin(&r.g)
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
	s, q, w := r.s, &r.q, &r.work
	up, low := s.up[i], s.low[i]
	r.g.C[up] = cost
	if low >= 0 {
		r.g.C[low] = -cost
	}
	ok := false
	for _, part := range [...]float64{tight, 8 * tight, 64 * tight, 1, 4} {
		if part > tight && !w.Renew() {
			break
		}
		var status basis.Status
		if low >= 0 {
			status = w.AlongPair(q, up, low, part)
		} else {
			status = w.Along(q, up, part)
		}
		if status != basis.Solved || !w.Feasible(q, part) {
			continue
		}
		w.Columns(q, r.x)
		copy(at, r.prefix[:i])
		for j := i; j < len(at); j++ {
			v := r.base[j] + r.x[s.up[j]]
			if s.low[j] >= 0 {
				v -= r.x[s.low[j]]
			}
			at[j] = min(max(v, r.l[j]), r.u[j])
		}
		if ok = r.optimal(at); ok {
			break
		}
	}
	r.g.C[up] = 0
	if low >= 0 {
		r.g.C[low] = 0
	}
	return ok
}

// optimal reports whether an allocation satisfies all constraints and no other has an
// endpoint further out: weak duality in the columns, from which it was made.
func (r *SplitRow) optimal(at []float64) bool {
	s, q := r.s, &r.q
	n, cols, k, i := len(s.from), s.g.N, len(r.f), r.entity
	z := r.work.Reduced()
	gap, sens := 0., 0.
	for c, v := range z[:cols] {
		if v > 0 {
			gap += v * r.x[c]
		} else if v < 0 {
			gap -= v * (q.Up[c] - r.x[c])
		}
	}
	for x := range s.g.M {
		// At the allocation itself.
		excess, scale := 0., s.scale[x]
		if x < k {
			excess = vec.Dot(s.linear[x*n:(x+1)*n], at) - r.f[x]*scale
			if !(math.Abs(excess) <= tolerance.Witness*scale*max(s.sizes[x], math.Abs(r.f[x]))) {
				return false
			}
		} else {
			b := r.b[x-k]
			excess = vec.Dot(s.linear[x*n:(x+1)*n], at) - b*scale
			for t := range s.terms[x-k] {
				of := &s.terms[x-k][t]
				excess += scale * of.Value(at[of.Entity], r.holdings)
			}
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
		gap += math.Abs(t) * math.Abs(q.R[x]-vec.Dot(s.g.A[x*cols:(x+1)*cols], r.x))
	}
	size := s.p.Sizes()[i]
	return sens <= tolerance.Sensitivity*size && gap <= tolerance.Gap*max(size, math.Abs(at[i]))
}

// Fix takes the next entity to a. It reports whether the row can go on.
func (r *SplitRow) Fix(a float64) bool {
	s, q, i := r.s, &r.q, r.entity
	r.prefix[i] = a
	r.entity++
	cols := s.g.N
	c, d := s.up[i], a-r.base[i]
	if low := s.low[i]; low >= 0 {
		if r.both[i] && d < 0 || !r.both[i] && q.Up[low] > 0 {
			c, d = low, -d
		}
		q.Up[low] = 0
	}
	q.Up[s.up[i]] = 0
	if d != 0 {
		for x := range q.R {
			q.R[x] -= s.g.A[x*cols+c] * d
		}
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

// Prefix returns the entities that are fixed.
func (r *SplitRow) Prefix() []float64 { return r.prefix[:r.entity] }
