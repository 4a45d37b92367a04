package uniform

import (
	"slices"

	"gonum.org/v1/gonum/mat"

	"paspo/lp"
	"paspo/lp/internal/optima"
	"paspo/lp/internal/vec"
)

// movingRows are the inequalities and bounds that change over the affine hull of
// a polytope; the others are equalities there, stated or implied.
type movingRows struct{ *optima.Sides }

// newMovingRows takes the axes of the hull, n x d, each as long as the polytope is wide
// along it. Limits that rounding puts before the center are moved to it.
func newMovingRows(p *lp.Polytope, center []float64, axes *mat.Dense) movingRows {
	const still = 1e-11
	form := p.Form()
	if p.HasTerms() { // which alone may bound an entity
		if lo, hi, err := lp.BoundingBox(p); err == nil {
			form.L, form.U = lo, hi
		}
	}
	all := movingRows{optima.NewSides(form)}
	return movingRows{all.Only(func(k int) (limit float64, ok bool) {
		at, scale := all.Rate(k, center)
		return max(all.Limit(k), at), vec.Norm(all.normal(k, axes)) > still*max(scale, all.Size(k))
	})}
}

// slacks writes the slack of every row at x.
func (m movingRows) slacks(dst, x []float64) {
	for k := range dst {
		dst[k] = m.Slack(k, x)
	}
}

// inside reports whether every row has slack at x.
func (m movingRows) inside(x []float64) bool {
	slack := make([]float64, m.Len())
	m.slacks(slack, x)
	return slices.Min(slack) > 0
}

// normal returns the rates of row k along every axis.
func (m movingRows) normal(k int, axes *mat.Dense) []float64 {
	_, d := axes.Dims()
	g := make([]float64, d)
	m.Each(k, func(i int, c float64) {
		if c != 0 {
			for j, v := range axes.RawRowView(i) {
				g[j] += c * v
			}
		}
	})
	return g
}
