package lp

import "fmt"

// BoundingBox returns the least and the largest value of every entity.
func BoundingBox(p *Polytope) (lo, hi []float64, err error) {
	n := p.Dim()
	lo, hi = make([]float64, n), make([]float64, n)
	c := make([]float64, n)
	for j := range n {
		if p.points != nil {
			lo[j], hi[j] = p.points[0][j], p.points[0][j]
			for _, v := range p.points {
				lo[j], hi[j] = min(lo[j], v[j]), max(hi[j], v[j])
			}
			continue
		}
		for _, sign := range []float64{1, -1} {
			c[j] = sign
			_, value, err := p.Minimize(c, nil)
			if err != nil {
				return nil, nil, fmt.Errorf("lp: range of %s: %w", p.entities[j], err)
			}
			if sign > 0 {
				lo[j] = snap(value, p.l[j], p.u[j])
			} else {
				hi[j] = max(lo[j], snap(-value, p.l[j], p.u[j]))
			}
		}
		c[j] = 0
	}
	return lo, hi, nil
}
