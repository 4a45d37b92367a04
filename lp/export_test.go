package lp

import "paspo/lp/internal/hull"

// Tests of other packages look at these.

const (
	HullRounding = hull.Rounding
)

var (
	CheckProjection = checkProjection
)

func (p *Polytope) HullDistance(a []float64) float64 { return p.hullDistance(a) }

func (p *Polytope) ExactHullDistance(a []float64) float64 {
	return p.hull.ExactDistance(p.amounts(a))
}

func (p *Polytope) Amounts(x []float64) []float64 { return p.amounts(x) }
