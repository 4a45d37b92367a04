package constraints

import (
	"math"

	"paspo/lp"
	"paspo/lp/internal/vec"
)

// Implied says whether the bounds of entities alone imply inequality k of a polytope, as those from 0
// do that a group is at least 0.
func Implied(p *lp.Polytope, k int) bool {
	a, b, _ := p.Inequalities()
	lower, upper := p.Bounds()
	n := p.Dim()
	return len(p.Terms(k)) == 0 && implied(a[k*n:(k+1)*n], b[k], lower, upper)
}

// WithoutImplied returns the description of a polytope without the sides of rows that bounds imply,
// and these in words. Limits of a state may need them that move bounds.
func WithoutImplied(p *lp.Polytope) (d lp.Description, left []string) {
	d = p.Description()
	rows := d.Rows
	d.Rows = nil
	for _, r := range rows {
		if len(r.Terms) == 0 && r.Min < r.Max {
			negative := make([]float64, len(r.Coef))
			for j, c := range r.Coef {
				negative[j] = -c
			}
			if !math.IsInf(r.Max, 1) && implied(r.Coef, r.Max, d.Lower, d.Upper) {
				left = append(left, r.Name+" <= "+vec.Text(r.Max))
				r.Max = math.Inf(1)
			}
			if !math.IsInf(r.Min, -1) && implied(negative, -r.Min, d.Lower, d.Upper) {
				left = append(left, r.Name+" >= "+vec.Text(r.Min))
				r.Min = math.Inf(-1)
			}
		}
		if !math.IsInf(r.Min, -1) || !math.IsInf(r.Max, 1) {
			d.Rows = append(d.Rows, r)
		}
	}
	return d, left
}
