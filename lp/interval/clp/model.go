package clp

import (
	"context"
	"math"

	"github.com/lanl/clp"

	"paspo/lp"
	"paspo/lp/internal/program"
	"paspo/lp/internal/vec"
	"paspo/lp/interval/relay"
)

// model is what the linear programs of a polytope share. Those of entity i run over the
// entities from i on alone, R, with the terms of the prefix P on the right:
//
//	min, max a_i   s.t.   A_R a_R <= b - A_P a_P,  E_R a_R = f - E_P a_P,  l_R <= a_R <= u_R.
//
// They run over the weights of points instead,
//
//	min, max (V' w)_i   s.t.   (V' w)_P = a_P,  sum w = 1,  w >= 0,
//
// where all of this holds:
//   - the polytope is the hull of points V;
//   - the points are fewer than its rows, or rounding shows in the rows, or there are none
//     (see relay.OverPoints);
//   - the limits are the polytope's own, or there are no rows. Bounds of a state are then the
//     rows l_R <= (V' w)_R <= u_R.
type model struct {
	p       *lp.Polytope
	form    program.Form
	n, m, k int
	points  [][]float64 // nil where the rows serve
	suffix  []suffix
	first   *relay.Action // of entity 0 under the polytope's own limits

	// beyond is larger than anything each entity can take. The dual simplex
	// starts from finite bounds, and from 1e10 where there are none, which costs
	// it digits.
	beyond []float64
}

// suffix is what the linear programs of one entity share.
type suffix struct {
	rows, eqs []int // with a coefficient in the suffix

	// CLP sees rows times powers of two, so that the largest coefficient of
	// each is between 1 and 2: its tolerances are absolute.
	rowScale, eqScale []float64
}

func newModel(ctx context.Context, p *lp.Polytope) *model {
	n, form := p.Dim(), p.Form()
	m := &model{p: p, form: form, n: n, m: len(form.B), k: len(form.F), suffix: make([]suffix, n)}
	if relay.OverPoints(p) {
		m.points = p.Points()
	}
	for i := range m.suffix {
		s := &m.suffix[i]
		for k := range m.m {
			if c := form.A[k*n+i : (k+1)*n]; vec.MaxAbs(c) > 0 {
				s.rows, s.rowScale = append(s.rows, k), append(s.rowScale, vec.PowerScale(c))
			}
		}
		for k := range m.k {
			if c := form.E[k*n+i : (k+1)*n]; vec.MaxAbs(c) > 0 {
				s.eqs, s.eqScale = append(s.eqs, k), append(s.eqScale, vec.PowerScale(c))
			}
		}
	}
	m.beyond = make([]float64, n)
	for j := range m.beyond {
		m.beyond[j] = math.Inf(1)
	}
	if _, hi, err := lp.BoundingBoxContext(ctx, p); err == nil {
		for j, u := range hi {
			m.beyond[j] = u + max(1, math.Abs(u))
		}
	}
	return m
}

// matrix returns the matrix of the programs of entity i, equalities first.
func (m *model) matrix(i int, points bool) *program.Matrix {
	mat := program.NewMatrix()
	var col []clp.Nonzero
	if points {
		for _, v := range m.points {
			col = append(col[:0], clp.Nonzero{Index: 0, Value: 1})
			for j := range i { // all entities where i is n
				if v[j] != 0 {
					col = append(col, clp.Nonzero{Index: j + 1, Value: v[j]})
				}
			}
			mat.AppendColumn(col)
		}
		mat.SetDimensions(i+1, len(m.points))
		return mat
	}
	s := &m.suffix[i]
	for j := i; j < m.n; j++ {
		col = col[:0]
		for r, k := range s.eqs {
			if v := m.form.E[k*m.n+j]; v != 0 {
				col = append(col, clp.Nonzero{Index: r, Value: v * s.eqScale[r]})
			}
		}
		for r, k := range s.rows {
			if v := m.form.A[k*m.n+j]; v != 0 {
				col = append(col, clp.Nonzero{Index: len(s.eqs) + r, Value: v * s.rowScale[r]})
			}
		}
		mat.AppendColumn(col)
	}
	mat.SetDimensions(len(s.eqs)+len(s.rows), m.n-i)
	return mat
}
