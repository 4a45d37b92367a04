package lp

import (
	"math"
	"slices"

	"paspo/lp/internal/dictionary"
	"paspo/lp/internal/program"
	"paspo/lp/internal/tolerance"
	"paspo/lp/internal/vec"
)

// sweep maximises many objectives over one polytope under its own limits, each from
// the optimum of the last. What it returns is proved: by a point that satisfies all
// constraints, and by multipliers of the limits that no point exceeds.
type sweep struct {
	p    *Polytope
	d    *dictionary.Dictionary
	unit float64 // of the variables that the dictionary sees

	// rows are those of the dictionary, inequalities first: rows of the polytope
	// times scale, a power of two.
	scale []float64

	// low and high bound the entities: their own bounds, tightened by the rows. lowMoves
	// and highMoves are how far they move with the limits, see moves.
	low, high           []float64
	lowMoves, highMoves []float64

	// moves is how far the last maximum moves, in units of a share, when all limits move by
	// that share of what their terms come to.
	moves float64

	// least and most are what points that were found have of every entity.
	least, most []float64

	dropped []bool // rows that are none any more

	x, c, z []float64
	effort  int
}

const (
	// sweepGap is the largest distance of an optimum to its dual bound, in units of the
	// size of the polytope.
	sweepGap = 1e-12

	// sweepEffort ends a search that rounding leads in circles, in elementary steps.
	sweepEffort = 1 << 40
)

// newSweep returns nil where rounding hides all points.
func newSweep(p *Polytope) *sweep {
	n := p.Dim()
	q := program.Program{C: make([]float64, n), A: p.a, B: p.b, E: p.e, F: p.f, L: p.l, U: p.u}
	q.SetScales()
	s := &sweep{
		p: p, unit: q.Unit, x: make([]float64, n), c: make([]float64, n), z: make([]float64, n), effort: sweepEffort,
		least: slices.Repeat([]float64{math.Inf(1)}, n), most: slices.Repeat([]float64{math.Inf(-1)}, n),
	}
	s.propagate()
	lo, hi := make([]float64, n), make([]float64, n)
	for j := range n {
		lo[j], hi[j] = p.l[j]/s.unit, p.u[j]/s.unit
	}
	s.d = dictionary.New(lo, hi, &s.effort)
	row := make([]float64, n)
	for k := range len(p.b) + len(p.f) {
		from, rhs := p.side(k)
		scale := 1.
		if c := vec.MaxAbs(from); c > 0 {
			scale = vec.PowerScale(c)
		}
		for j, v := range from {
			row[j] = v * scale
		}
		s.scale, s.dropped = append(s.scale, scale), append(s.dropped, false)
		s.d.Add(row, rhs*scale/s.unit, k >= len(p.b))
	}
	if _, err := s.d.Maximize(s.c); err != nil {
		return nil
	}
	s.take()
	if !s.valid(-1, tolerance.Witness) {
		return nil
	}
	if s.valid(-1, tolerance.Tight) {
		s.found()
	}
	return s
}

// side returns the coefficients and the limit of row k, inequalities first.
func (p *Polytope) side(k int) (row []float64, rhs float64) {
	n := p.Dim()
	if k < len(p.b) {
		return p.a[k*n : (k+1)*n], p.b[k]
	}
	k -= len(p.b)
	return p.e[k*n : (k+1)*n], p.f[k]
}

// clone returns a sweep that goes on from the same vertex by itself.
func (s *sweep) clone() *sweep {
	c := *s
	c.x, c.c, c.z = make([]float64, len(s.x)), make([]float64, len(s.x)), make([]float64, len(s.x))
	c.least, c.most, c.dropped = slices.Clone(s.least), slices.Clone(s.most), slices.Clone(s.dropped)
	c.effort = sweepEffort
	c.d = s.d.Clone(&c.effort)
	return &c
}

// maximum returns the largest c . x, and whether that is proved. Row k, where it is
// not negative, is relaxed by so much, which the caller has told the dictionary.
func (s *sweep) maximum(c []float64, k int, by float64) (value float64, ok bool) {
	for again := range 2 {
		if again > 0 && s.d.Renew() != nil {
			return 0, false
		}
		if _, err := s.d.Maximize(c); err != nil {
			continue
		}
		s.take()
		if !s.valid(k, tolerance.Tight) {
			continue
		}
		value = vec.Dot(c, s.x)
		size := s.unit * max(1, vec.MaxAbs(c))
		if most, sens := s.bound(c, k, by); most-value <= sweepGap*size && sens <= tolerance.Sensitivity*size {
			return value, true
		}
	}
	return 0, false
}

// beyond returns the largest value of inequality k where its limit is relaxed by so much.
func (s *sweep) beyond(k int, by float64) (value float64, ok bool) {
	row, _ := s.p.side(k)
	for j, v := range row {
		s.c[j] = v * s.scale[k]
	}
	s.d.Limit(k, -by*s.scale[k]/s.unit, math.Inf(1))
	value, ok = s.maximum(s.c, k, by)
	s.d.Limit(k, 0, math.Inf(1))
	clear(s.c)
	return value / s.scale[k], ok
}

// drop removes an inequality.
func (s *sweep) drop(k int) {
	s.dropped[k] = true
	s.d.Limit(k, math.Inf(-1), math.Inf(1))
}

// take reads the vertex. Its entities keep to their bounds.
func (s *sweep) take() {
	for j := range s.x {
		s.x[j] = min(max(s.d.At(j)*s.unit, s.p.l[j]), s.p.u[j])
	}
}

// valid reports whether the vertex satisfies all rows but the given one to a tolerance.
func (s *sweep) valid(but int, tol float64) bool {
	for k := range s.scale {
		if k == but || s.dropped[k] {
			continue
		}
		row, rhs := s.p.side(k)
		ax, scale := vec.DotScale(row, s.x)
		r := vec.ScaledExcess(ax, rhs, scale)
		if k >= len(s.p.b) {
			r = math.Abs(r)
		}
		if !(r <= tol) {
			return false
		}
	}
	return true
}

// found remembers the vertex.
func (s *sweep) found() {
	for j, v := range s.x {
		s.least[j], s.most[j] = min(s.least[j], v), max(s.most[j], v)
	}
}

// bound returns what no point has more of than c . x,
//
//	y . h + sum_j max { z_j x_j : low_j <= x_j <= high_j },  z = c - y G,
//
// which holds for any y that is not negative where a row is an inequality, and by how
// much rows that are off by a part of their terms move it, in units of that part. It sets
// moves, which counts the bounds too.
func (s *sweep) bound(c []float64, k int, by float64) (sum, sens float64) {
	copy(s.z, c)
	for r, scale := range s.scale {
		if s.dropped[r] {
			continue
		}
		y := s.d.Multiplier(r) * scale
		if r < len(s.p.b) {
			y = max(0, y)
		}
		if y == 0 {
			continue
		}
		row, rhs := s.p.side(r)
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
			sum += z * s.high[j]
			s.moves += z * s.highMoves[j]
		case z < 0:
			sum += z * s.low[j]
			s.moves -= z * s.lowMoves[j]
		}
	}
	return sum, sens
}

// propagate bounds the entities: it starts from their own bounds and tightens each by the
// rows, with all others at theirs, a few times over.
func (s *sweep) propagate() {
	p := s.p
	s.low, s.high = slices.Clone(p.l), slices.Clone(p.u)
	s.lowMoves, s.highMoves = make([]float64, len(p.l)), make([]float64, len(p.l))
	for j := range s.low {
		s.lowMoves[j], s.highMoves[j] = math.Abs(p.l[j]), math.Abs(p.u[j])
	}
	for range 3 {
		for k := range p.b {
			row, rhs := p.side(k)
			s.tighten(row, rhs)
		}
		for k := range p.f {
			row, rhs := p.side(len(p.b) + k)
			s.tighten(row, rhs)
			neg := make([]float64, len(row))
			for j, v := range row {
				neg[j] = -v
			}
			s.tighten(neg, -rhs)
		}
	}
}

// tighten takes bounds in as far as row . x <= rhs does. It leaves out what is no more
// than rounding.
func (s *sweep) tighten(row []float64, rhs float64) {
	const rounding = 1e-13
	low, high := s.low, s.high
	sum, size, moves, open := 0., math.Abs(rhs), 0., -1
	for j, v := range row {
		if v == 0 {
			continue
		}
		t, m := v*low[j], v*s.lowMoves[j]
		if v < 0 {
			t, m = v*high[j], -v*s.highMoves[j]
		}
		if math.IsInf(t, 0) {
			if open >= 0 {
				return
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
		case v > 0 && end+margin < high[j]:
			high[j], s.highMoves[j] = end+margin, (size+moves)/v
		case v < 0 && end-margin > low[j]:
			low[j], s.lowMoves[j] = end-margin, -(size+moves)/v
		}
	}
}
