package lp

// What tests from outside look at.

const (
	HullRounding = hullRounding
	RedundantTol = redundantTol
)

var (
	FormatFloat     = formatFloat
	CheckProjection = checkProjection
)

func (p *Polytope) HullDistance(a []float64) float64 { return p.hullDistance(a) }

func (p *Polytope) ExactHullDistance(a []float64) float64 {
	return p.hull.exactDistance(p.amounts(a))
}

func (p *Polytope) Side(k int) (row []float64, rhs float64) { return p.side(k) }

// BySweep returns whether the sweep proves the largest value of an entity.
func BySweep(p *Polytope) func(j int) bool {
	s := newSweep(p)
	return func(j int) bool {
		if s == nil {
			return false
		}
		s.c[j] = 1
		_, ok := s.maximum(s.c, -1, 0)
		s.c[j] = 0
		return ok
	}
}

func (p *Polytope) Amounts(x []float64) []float64 { return p.amounts(x) }
