package optima

import (
	"math"
	"slices"

	"paspo/lp/internal/dictionary"
	"paspo/lp/internal/program"
	"paspo/lp/internal/tolerance"
	"paspo/lp/internal/vec"
)

// Sweep maximises many objectives over one polytope under its own limits, each from
// the optimum of the last. What it returns is proved: by a point that satisfies all
// constraints, and by multipliers of the limits that no point exceeds. It is used by one
// goroutine at a time.
type Sweep struct {
	p    program.Form
	d    *dictionary.Dictionary
	unit float64 // of the variables that the dictionary sees

	// rows are those of the dictionary, inequalities first: rows of the polytope
	// times scale, a power of two.
	scale []float64

	bounds *Bounds // of the entities: their own, tightened by the rows

	// moves is the derivative of the last maximum by a common change of all limits, relative
	// to what their terms come to.
	moves float64

	// least and most are the least and the largest amount of every entity among the points found.
	least, most []float64

	dropped []bool // rows that were removed

	x, c, z []float64
	effort  int
}

const (
	// gap is the largest distance of an optimum to its dual bound, in units of the
	// size of the polytope.
	gap = 1e-12

	// mostEffort ends a search that rounding leads in circles, in elementary steps.
	mostEffort = 1 << 40
)

// New returns nil where rounding hides all points.
func New(p program.Form) *Sweep {
	n := len(p.L)
	q := program.Program{C: make([]float64, n), A: p.A, B: p.B, E: p.E, F: p.F, L: p.L, U: p.U}
	q.SetScales()
	s := &Sweep{
		p: p, unit: q.Unit, x: make([]float64, n), c: make([]float64, n), z: make([]float64, n), effort: mostEffort,
		least: slices.Repeat([]float64{math.Inf(1)}, n), most: slices.Repeat([]float64{math.Inf(-1)}, n),
	}
	s.bounds = Propagate(p, 3)
	lo, hi := make([]float64, n), make([]float64, n)
	for j := range n {
		lo[j], hi[j] = p.L[j]/s.unit, p.U[j]/s.unit
	}
	s.d = dictionary.New(lo, hi, &s.effort)
	row := make([]float64, n)
	for k := range len(p.B) + len(p.F) {
		from, rhs := p.Side(k)
		scale := vec.PowerScale(from)
		for j, v := range from {
			row[j] = v * scale
		}
		s.scale, s.dropped = append(s.scale, scale), append(s.dropped, false)
		s.d.Add(row, rhs*scale/s.unit, k >= len(p.B))
	}
	if _, err := s.d.Maximize(s.c); err != nil {
		return nil
	}
	if s.take(); !s.refined(-1, tolerance.Witness) {
		return nil
	}
	if s.valid(-1, tolerance.Tight) {
		s.found()
	}
	return s
}

// Clone returns a sweep that goes on from the same vertex by itself.
func (s *Sweep) Clone() *Sweep {
	c := *s
	c.x, c.c, c.z = make([]float64, len(s.x)), make([]float64, len(s.x)), make([]float64, len(s.x))
	c.least, c.most, c.dropped = slices.Clone(s.least), slices.Clone(s.most), slices.Clone(s.dropped)
	c.effort = mostEffort
	c.d = s.d.Clone(&c.effort)
	return &c
}

// Endpoint returns the least (sign -1) or the largest (sign 1) value of a variable. moves is how
// far it moves, per unit of t, when all limits move by t times what their terms come to. ok says
// that both are proved.
func (s *Sweep) Endpoint(j int, sign float64) (value, moves float64, ok bool) {
	// Nothing is beyond a bound that a known point attains.
	if sign < 0 && s.least[j] <= s.bounds.Low[j] {
		return s.least[j], s.bounds.lowMoves[j], true
	}
	if sign > 0 && s.most[j] >= s.bounds.High[j] {
		return s.most[j], s.bounds.highMoves[j], true
	}
	s.c[j] = sign
	value, ok = s.maximum(s.c, -1, 0)
	s.c[j] = 0
	if ok {
		s.found()
	}
	return sign * value, s.moves, ok
}

// maximum returns the largest c . x, and whether that is proved. Row k, unless it is negative,
// is relaxed by so much, which the caller has told the dictionary.
func (s *Sweep) maximum(c []float64, k int, by float64) (value float64, ok bool) {
	for again := range 2 {
		if again > 0 && s.d.Renew() != nil {
			return 0, false
		}
		if _, err := s.d.Maximize(c); err != nil {
			continue
		}
		s.take()
		if !s.valid(k, tolerance.Tight) && (again == 0 || !s.refined(k, tolerance.Tight)) {
			continue
		}
		value = vec.Dot(c, s.x)
		size := s.unit * max(1, vec.MaxAbs(c))
		if most, sens := s.bound(c, k, by); most-value <= gap*size && sens <= tolerance.Sensitivity*size {
			return value, true
		}
	}
	return 0, false
}

// Beyond returns the largest value of inequality k where its limit is relaxed by so much.
func (s *Sweep) Beyond(k int, by float64) (value float64, ok bool) {
	row, _ := s.p.Side(k)
	for j, v := range row {
		s.c[j] = v * s.scale[k]
	}
	s.d.Limit(k, -by*s.scale[k]/s.unit, math.Inf(1))
	value, ok = s.maximum(s.c, k, by)
	s.d.Limit(k, 0, math.Inf(1))
	clear(s.c)
	return value / s.scale[k], ok
}

// Drop removes an inequality.
func (s *Sweep) Drop(k int) {
	s.dropped[k] = true
	s.d.Limit(k, math.Inf(-1), math.Inf(1))
}

// take reads the vertex. Its entities keep to their bounds.
func (s *Sweep) take() {
	for j := range s.x {
		s.x[j] = min(max(s.d.At(j)*s.unit, s.p.L[j]), s.p.U[j])
	}
}

// valid reports whether the vertex satisfies all rows but the given one to a tolerance.
func (s *Sweep) valid(but int, tol float64) bool {
	for k := range s.scale {
		if k == but || s.dropped[k] {
			continue
		}
		row, rhs := s.p.Side(k)
		ax, scale := vec.DotScale(row, s.x)
		r := vec.ScaledExcess(ax, rhs, scale)
		if k >= len(s.p.B) {
			r = math.Abs(r)
		}
		if !(r <= tol) {
			return false
		}
	}
	return true
}

// refined is valid after as many steps of refinement as that takes, up to a few, or after a repair.
func (s *Sweep) refined(but int, tol float64) bool {
	const most = 4
	for step := 0; !s.valid(but, tol); step++ {
		if step == most {
			s.repair(but)
			return s.valid(but, tol)
		}
		s.d.Refine()
		s.take()
	}
	return true
}

// repair moves the vertex to where the inequalities that it breaks hold. Limits in decimals that add
// up, but for their rounding, split a vertex into several, so close to each other that the
// dictionary takes any for the optimum. For every broken row repair moves one entity: of those that
// their bounds let move, the one nearest to zero.
func (s *Sweep) repair(but int) {
	for k := range s.p.B {
		if k == but || s.dropped[k] {
			continue
		}
		row, rhs := s.p.Side(k)
		excess := vec.Dot(row, s.x) - rhs
		if !(excess > 0) {
			continue
		}
		at := -1
		for j, v := range row {
			if v == 0 || at >= 0 && math.Abs(s.x[j]) >= math.Abs(s.x[at]) {
				continue
			}
			if to := s.x[j] - excess/v; to >= s.p.L[j] && to <= s.p.U[j] {
				at = j
			}
		}
		if at >= 0 {
			s.x[at] -= excess / row[at]
		}
	}
}

// found remembers the vertex.
func (s *Sweep) found() {
	for j, v := range s.x {
		s.least[j], s.most[j] = min(s.least[j], v), max(s.most[j], v)
	}
}

// bound returns an upper bound of c . x over the polytope,
//
//	y . h + sum_j max { z_j x_j : low_j <= x_j <= high_j },  z = c - y G,
//
// which holds for any y that is not negative where a row is an inequality, and by how
// much rows that are off by a part of their terms move it, in units of that part. It sets
// moves, which counts the bounds too.
func (s *Sweep) bound(c []float64, k int, by float64) (sum, sens float64) {
	copy(s.z, c)
	for r, scale := range s.scale {
		if s.dropped[r] {
			continue
		}
		y := s.d.Multiplier(r) * scale
		if r < len(s.p.B) {
			y = max(0, y)
		}
		if y == 0 {
			continue
		}
		row, rhs := s.p.Side(r)
		if r == k {
			rhs += by
		}
		sum += y * rhs
		_, terms := vec.DotScale(row, s.x)
		sens += math.Abs(y) * max(math.Abs(rhs), terms)
		for j, v := range row {
			s.z[j] -= y * v
		}
	}
	s.moves = sens
	for j, z := range s.z {
		switch {
		case z > 0:
			sum += z * s.bounds.High[j]
			s.moves += z * s.bounds.highMoves[j]
		case z < 0:
			sum += z * s.bounds.Low[j]
			s.moves -= z * s.bounds.lowMoves[j]
		}
	}
	return sum, sens
}

// Bounds are bounds of entities, infinite where there is none.
type Bounds struct {
	Low, High []float64

	// How far they move when limits do, in the units of Sweep.Endpoint.
	lowMoves, highMoves []float64
}

// Propagate bounds the entities: it starts from their own bounds and tightens each by the
// rows, with all others at theirs, until that changes nothing or so many times over
// (activity bounds: Andersen and Andersen, Presolving in linear programming, Mathematical
// Programming 71, 1995).
func Propagate(p program.Form, rounds int) *Bounds {
	n := len(p.L)
	b := &Bounds{Low: slices.Clone(p.L), High: slices.Clone(p.U), lowMoves: make([]float64, n), highMoves: make([]float64, n)}
	for j := range n {
		b.lowMoves[j], b.highMoves[j] = math.Abs(p.L[j]), math.Abs(p.U[j])
	}
	neg := make([]float64, n)
	for changed := true; changed && rounds > 0; rounds-- {
		changed = false
		for k := range len(p.B) + len(p.F) {
			row, rhs := p.Side(k)
			changed = b.tighten(row, rhs) || changed
			if k >= len(p.B) {
				for j, v := range row {
					neg[j] = -v
				}
				changed = b.tighten(neg, -rhs) || changed
			}
		}
	}
	return b
}

// tighten takes bounds in as far as row . x <= rhs does, and reports whether it does. It
// leaves out what is no more than rounding. Where nothing is left the bounds meet: they would
// drive one another away for ever.
func (b *Bounds) tighten(row []float64, rhs float64) (changed bool) {
	const rounding = 1e-13
	low, high := b.Low, b.High
	sum, size, moves, open := 0., math.Abs(rhs), 0., -1
	for j, v := range row {
		if v == 0 {
			continue
		}
		t, m := v*low[j], v*b.lowMoves[j]
		if v < 0 {
			t, m = v*high[j], -v*b.highMoves[j]
		}
		if math.IsInf(t, 0) {
			if open >= 0 {
				return false
			}
			open = j
			continue
		}
		sum += t
		size += math.Abs(t)
		moves += m
	}
	for j, v := range row {
		if v == 0 || open >= 0 && j != open {
			continue
		}
		others := sum
		if open < 0 {
			if v > 0 {
				others -= v * low[j]
			} else {
				others -= v * high[j]
			}
		}
		end := (rhs - others) / v
		margin := rounding * size / math.Abs(v)
		switch {
		case v > 0 && max(end+margin, low[j]) < high[j]:
			high[j], b.highMoves[j] = max(end+margin, low[j]), (size+moves)/v
			changed = true
		case v < 0 && min(end-margin, high[j]) > low[j]:
			low[j], b.lowMoves[j] = min(end-margin, high[j]), -(size+moves)/v
			changed = true
		}
	}
	return changed
}
