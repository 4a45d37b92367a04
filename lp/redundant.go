package lp

import (
	"fmt"
	"math"
)

// redundantTol is how far, scaled, a row may exceed its limit on all other
// constraints and still count as redundant: rounding.
const redundantTol = 1e-11

// RedundantRows returns the indices of inequalities that follow from the other
// constraints: leaving all of them out at once does not change the polytope. Of
// rows that follow from each other, the first stays.
func RedundantRows(p *Polytope) ([]int, error) {
	n := p.Dim()
	b := append([]float64(nil), p.b...)
	c := make([]float64, n)
	var redundant []int
	for k := len(p.b) - 1; k >= 0; k-- {
		row := p.a[k*n : (k+1)*n]
		for j, v := range row {
			c[j] = -v
		}
		// The row itself stays, further out: the program remains bounded.
		scale := max(1, math.Abs(p.b[k]), largest(row))
		b[k] = p.b[k] + scale
		_, value, err := p.Minimize(c, &Limits{B: b})
		if err != nil {
			return nil, fmt.Errorf("lp: largest value of row %s: %w", p.rowNames[k], err)
		}
		if -value <= p.b[k]+redundantTol*scale {
			redundant = append([]int{k}, redundant...)
			b[k] = math.Inf(1)
			continue
		}
		b[k] = p.b[k]
	}
	return redundant, nil
}
