package policy

import (
	"slices"

	"paspo/lp"
)

// Heads returns the number of heads of a policy on p: one for every entity but
// the last where an equality covers the last entity, which is then always
// fixed, else one for every entity.
func Heads(p *lp.Polytope) int {
	n := p.Dim()
	e, rhs, _ := p.Equalities()
	for k := range rhs {
		if e[k*n+n-1] != 0 {
			return n - 1
		}
	}
	return n
}

// Total returns the unit of amounts that heads see and that widths are a share of: the
// budget where there is one above 0, else the largest size of an entity of p. Scaling an
// equality does not change it.
func Total(p *lp.Polytope) float64 {
	if k, c := p.Budget(); k >= 0 {
		if _, rhs, _ := p.Equalities(); rhs[k]/c > 0 {
			return rhs[k] / c
		}
	}
	return slices.Max(p.Sizes())
}
