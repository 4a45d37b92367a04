package policy

import (
	"fmt"
	"math"

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

// Total returns what actions are divided by before the heads see them, and what
// widths are a share of: the budget where there is one, else the largest
// magnitude that an entity takes in p.
func Total(p *lp.Polytope) (float64, error) {
	n := p.Dim()
	e, rhs, _ := p.Equalities()
budget:
	for k, f := range rhs {
		for _, c := range e[k*n : (k+1)*n] {
			if c != 1 {
				continue budget
			}
		}
		if f > 0 {
			return f, nil
		}
	}
	largest := 0.
	c := make([]float64, n)
	for i := range n {
		for _, sign := range [...]float64{1, -1} {
			c[i] = sign
			_, v, err := p.Minimize(c, nil)
			if err != nil {
				return 0, fmt.Errorf("policy: the range of %s: %w", p.Entities()[i], err)
			}
			largest = max(largest, math.Abs(v))
		}
		c[i] = 0
	}
	if largest == 0 {
		return 1, nil // the polytope is the origin
	}
	return largest, nil
}
