package uniform

import (
	"context"
	"math"

	"paspo/lp"
	"paspo/lp/internal/optima"
	"paspo/lp/internal/program"
	"paspo/lp/internal/vec"
)

// FlatWidth is the width, against max(1, largest coordinate), up to which a
// polytope counts as flat in a direction. It is the residual that points may
// have anyway.
const FlatWidth = 1e-9

// fillsEqualities reports whether the polytope has a point that keeps clear of every
// inequality and bound, so that its stated equalities are all there are. It is false
// where that is not certain.
func fillsEqualities(ctx context.Context, p *lp.Polytope) (bool, error) {
	if p.HasTerms() {
		p = p.Lifted().Canonical()
	}
	n := p.Dim()
	s := optima.New(p.Form())
	if s == nil {
		return false, nil
	}
	sides := newSides(p.Form())
	inside := make([]bool, sides.count())
	center, points, scale := make([]float64, n), 0., 1.
	visit := func() {
		points++
		for j, x := range s.Point() {
			center[j] += (x - center[j]) / points
			scale = max(scale, math.Abs(x))
		}
		for k := range inside {
			slack, size := sides.slack(k, s.Point())
			inside[k] = inside[k] || slack > FlatWidth*size*scale
		}
	}
	visit()
	done := lp.Stage(ctx, "a point inside", len(inside))
	c := make([]float64, n)
	for k := range inside {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		done(1)
		if inside[k] {
			continue
		}
		sides.inward(k, c)
		if _, ok := s.Maximum(c); !ok {
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
	p      program.Form
	entity []int
	upper  []bool
}

func newSides(p program.Form) *sides {
	s := &sides{p: p}
	for j := range p.L {
		for _, upper := range []bool{false, true} {
			if upper && math.IsInf(p.U[j], 0) || !upper && math.IsInf(p.L[j], 0) {
				continue
			}
			s.entity, s.upper = append(s.entity, j), append(s.upper, upper)
		}
	}
	return s
}

func (s *sides) count() int { return len(s.p.B) + len(s.entity) }

// slack returns what x leaves of side k, and the length of its normal.
func (s *sides) slack(k int, x []float64) (slack, size float64) {
	if k < len(s.p.B) {
		row, rhs := s.p.Side(k)
		return rhs - vec.Dot(row, x), vec.Norm(row)
	}
	k -= len(s.p.B)
	j := s.entity[k]
	if s.upper[k] {
		return s.p.U[j] - x[j], 1
	}
	return x[j] - s.p.L[j], 1
}

// inward writes the direction away from side k, largest component about 1.
func (s *sides) inward(k int, c []float64) {
	clear(c)
	if k < len(s.p.B) {
		row, _ := s.p.Side(k)
		scale := vec.PowerScale(vec.MaxAbs(row))
		for j, v := range row {
			c[j] = -v * scale
		}
		return
	}
	k -= len(s.p.B)
	c[s.entity[k]] = 1
	if s.upper[k] {
		c[s.entity[k]] = -1
	}
}
