package uniform

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"paspo/lp"
	"paspo/lp/internal/vec"
)

// movingRows are the inequalities and bounds that change over the affine hull of
// a polytope; the others are equalities there, stated or implied. Row k reads
//
//	coef_k . x <= limit_k,  or of a bound  sign_k x_entity <= limit_k.
type movingRows struct {
	coef   [][]float64 // nil for a bound
	entity []int
	sign   []float64
	limit  []float64
}

// newMovingRows takes the axes of the hull, n x d, each as long as the polytope is wide
// along it. Limits that rounding puts before the center are moved to it.
func newMovingRows(p *lp.Polytope, center []float64, axes *mat.Dense) *movingRows {
	const still = 1e-11
	n := p.Dim()
	a, b, _ := p.Inequalities()
	l, u := p.Bounds()
	if p.HasTerms() { // which alone may bound an entity
		if lo, hi, err := lp.BoundingBox(p); err == nil {
			l, u = lo, hi
		}
	}
	all := &movingRows{}
	for k, limit := range b {
		all.add(a[k*n:(k+1)*n], 0, 0, limit)
	}
	for j := range n {
		all.add(nil, j, -1, -l[j])
		all.add(nil, j, 1, u[j])
	}
	m := &movingRows{}
	for k, coef := range all.coef {
		size := 1.
		if coef != nil {
			size = vec.Norm(coef)
		}
		at, scale := all.rate(k, center)
		if vec.Norm(all.normal(k, axes)) > still*max(scale, size) {
			m.add(coef, all.entity[k], all.sign[k], max(all.limit[k], at))
		}
	}
	return m
}

// add leaves out a limit that is none.
func (m *movingRows) add(coef []float64, entity int, sign, limit float64) {
	if math.IsInf(limit, 0) {
		return
	}
	m.coef, m.entity = append(m.coef, coef), append(m.entity, entity)
	m.sign, m.limit = append(m.sign, sign), append(m.limit, limit)
}

func (m *movingRows) len() int { return len(m.limit) }

// slacks writes what x leaves of every limit.
func (m *movingRows) slacks(dst, x []float64) {
	for k, coef := range m.coef {
		if coef == nil {
			dst[k] = m.limit[k] - m.sign[k]*x[m.entity[k]]
		} else {
			dst[k] = m.limit[k] - vec.Dot(coef, x)
		}
	}
}

// inside reports whether x leaves something of every limit.
func (m *movingRows) inside(x []float64) bool {
	slack := make([]float64, m.len())
	m.slacks(slack, x)
	return slices.Min(slack) > 0
}

// rate returns by how much a unit step along a direction reduces the slack of row k, and
// the size of the terms of that sum.
func (m *movingRows) rate(k int, v []float64) (rate, scale float64) {
	if m.coef[k] == nil {
		rate = m.sign[k] * v[m.entity[k]]
		return rate, math.Abs(rate)
	}
	return vec.DotScale(m.coef[k], v)
}

// normal returns the rates of row k along every axis.
func (m *movingRows) normal(k int, axes *mat.Dense) []float64 {
	_, d := axes.Dims()
	g := make([]float64, d)
	if m.coef[k] == nil {
		for j, v := range axes.RawRowView(m.entity[k]) {
			g[j] = m.sign[k] * v
		}
		return g
	}
	for i, c := range m.coef[k] {
		if c != 0 {
			for j, v := range axes.RawRowView(i) {
				g[j] += c * v
			}
		}
	}
	return g
}
