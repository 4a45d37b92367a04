package lp

import (
	"context"
	"math"

	"paspo/lp/internal/vec"
)

// FlatWidth is the width, against max(1, largest coordinate), up to which a
// polytope counts as flat in a direction. It is the residual that points may
// have anyway.
const FlatWidth = 1e-9

// FillsEqualities reports whether the polytope has a point that keeps clear of every
// inequality and bound, so that its stated equalities are all there are. It is false
// where that is not certain.
func (p *Polytope) FillsEqualities(ctx context.Context) (bool, error) {
	if p.terms != nil {
		return p.terms.lifted.Canonical().FillsEqualities(ctx)
	}
	n := p.Dim()
	s := newSweep(p)
	if s == nil {
		return false, nil
	}
	sides := newSides(p)
	inside := make([]bool, sides.count())
	center, points, scale := make([]float64, n), 0., 1.
	visit := func() {
		points++
		for j, x := range s.x {
			center[j] += (x - center[j]) / points
			scale = max(scale, math.Abs(x))
		}
		for k := range inside {
			slack, size := sides.slack(k, s.x)
			inside[k] = inside[k] || slack > FlatWidth*size*scale
		}
	}
	visit()
	done := Stage(ctx, "a point inside", len(inside))
	for k := range inside {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		done(1)
		if inside[k] {
			continue
		}
		sides.inward(k, s.c)
		if _, ok := s.maximum(s.c, -1, 0); !ok {
			return false, nil
		}
		if visit(); !inside[k] {
			return false, nil
		}
	}
	for k := range inside {
		if slack, size := sides.slack(k, center); !(slack > FlatWidth*size*scale) {
			return false, nil
		}
	}
	return true, nil
}

// sides are the inequalities and the finite bounds of a polytope.
type sides struct {
	p      *Polytope
	entity []int
	upper  []bool
}

func newSides(p *Polytope) *sides {
	s := &sides{p: p}
	for j := range p.Dim() {
		for _, upper := range []bool{false, true} {
			if upper && math.IsInf(p.u[j], 0) || !upper && math.IsInf(p.l[j], 0) {
				continue
			}
			s.entity, s.upper = append(s.entity, j), append(s.upper, upper)
		}
	}
	return s
}

func (s *sides) count() int { return len(s.p.b) + len(s.entity) }

// slack returns what x leaves of side k, and the length of its normal.
func (s *sides) slack(k int, x []float64) (slack, size float64) {
	if k < len(s.p.b) {
		row, rhs := s.p.side(k)
		return rhs - vec.Dot(row, x), vec.Norm(row)
	}
	k -= len(s.p.b)
	j := s.entity[k]
	if s.upper[k] {
		return s.p.u[j] - x[j], 1
	}
	return x[j] - s.p.l[j], 1
}

// inward writes the direction away from side k, largest component about 1.
func (s *sides) inward(k int, c []float64) {
	clear(c)
	if k < len(s.p.b) {
		row, _ := s.p.side(k)
		scale := vec.PowerScale(vec.MaxAbs(row))
		for j, v := range row {
			c[j] = -v * scale
		}
		return
	}
	k -= len(s.p.b)
	c[s.entity[k]] = 1
	if s.upper[k] {
		c[s.entity[k]] = -1
	}
}
