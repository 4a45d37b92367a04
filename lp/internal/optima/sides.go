package optima

import (
	"math"

	"paspo/lp/internal/program"
	"paspo/lp/internal/vec"
)

// Sides are inequalities and bounds. Side k is
//
//	coef_k . x <= limit_k,   or of a bound   sign_k x_entity <= limit_k.
type Sides struct {
	coef   [][]float64 // nil of a bound
	entity []int
	sign   []float64
	limit  []float64
}

// NewSides returns those of a polytope, the inequalities first. What has no limit is left out.
func NewSides(p program.Form) *Sides {
	s := &Sides{}
	for k := range p.B {
		row, limit := p.Side(k)
		s.add(row, 0, 0, limit)
	}
	for j := range p.L {
		s.add(nil, j, -1, -p.L[j])
		s.add(nil, j, 1, p.U[j])
	}
	return s
}

func (s *Sides) add(coef []float64, entity int, sign, limit float64) {
	if math.IsInf(limit, 0) {
		return
	}
	s.coef, s.entity = append(s.coef, coef), append(s.entity, entity)
	s.sign, s.limit = append(s.sign, sign), append(s.limit, limit)
}

// Only returns the sides for which keep returns true, with the limits that it returns.
func (s *Sides) Only(keep func(k int) (limit float64, ok bool)) *Sides {
	t := &Sides{}
	for k, coef := range s.coef {
		if limit, ok := keep(k); ok {
			t.add(coef, s.entity[k], s.sign[k], limit)
		}
	}
	return t
}

// Len returns the number of sides.
func (s *Sides) Len() int { return len(s.limit) }

// Limit returns the limit of side k.
func (s *Sides) Limit(k int) float64 { return s.limit[k] }

// Size returns the length of the normal of side k.
func (s *Sides) Size(k int) float64 {
	if s.coef[k] == nil {
		return 1
	}
	return vec.Norm(s.coef[k])
}

// Slack returns by how much x stays within the limit of side k.
func (s *Sides) Slack(k int, x []float64) float64 {
	if s.coef[k] == nil {
		return s.limit[k] - s.sign[k]*x[s.entity[k]]
	}
	return s.limit[k] - vec.Dot(s.coef[k], x)
}

// Rate returns by how much the slack of side k falls along v, and the size of the terms of
// that sum.
func (s *Sides) Rate(k int, v []float64) (rate, scale float64) {
	if s.coef[k] == nil {
		rate = s.sign[k] * v[s.entity[k]]
		return rate, math.Abs(rate)
	}
	return vec.DotScale(s.coef[k], v)
}

// Each calls f with the coefficients of side k that may not be 0.
func (s *Sides) Each(k int, f func(entity int, c float64)) {
	if s.coef[k] == nil {
		f(s.entity[k], s.sign[k])
		return
	}
	for j, c := range s.coef[k] {
		f(j, c)
	}
}

// inward writes the direction away from side k, largest component about 1.
func (s *Sides) inward(k int, c []float64) {
	clear(c)
	scale := vec.PowerScale(s.coef[k])
	s.Each(k, func(j int, v float64) { c[j] = -v * scale })
}
