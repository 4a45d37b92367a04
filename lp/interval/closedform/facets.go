package closedform

import (
	"errors"
	"fmt"
	"math"

	"paspo/lp"
	"paspo/lp/internal/dd"
	"paspo/lp/internal/hull"
	"paspo/lp/internal/tolerance"
	"paspo/lp/internal/vec"
)

// compileFacets finds the intervals of a hull of points: given the entities
// before, entity i ranges over the projection of the hull onto the first i+1
// entities, whose facets bound it. Only the first entities are compiled.
func compileFacets(p *lp.Polytope, points [][]float64, first, maxPieces int, effort *int) (*Intervals, error) {
	form := p.Form()
	n := p.Dim()
	f := &Intervals{p: p, form: form, Tables: Tables{
		Facets: true, Size: n, All: make([]EndpointTable, n), Begin: make([]float64, n), Floor: make([]float64, n), Free: make([]bool, n), Fixed: make([]bool, n),
	}}
	f.Begin[0] = 1
	projected := make([][]float64, len(points))
	for i := range first {
		for k, v := range points {
			projected[k] = v[:i+1]
		}
		h, err := hull.New(distinct(projected), effort)
		if errors.Is(err, dd.ErrBudget) {
			return nil, &lp.BudgetError{Entity: p.Entities()[i], Reason: "too many facets"}
		}
		if err != nil {
			return nil, err
		}
		e := &f.All[i]
		e.Stride, e.facets = i+1, true
		// Rounding decides the endpoints of a hull that is thin: the solver behind answers
		// them, like ill-conditioned ones.
		least := 0.
		if h.Thin {
			least = 2 * tolerance.Sensitivity
		}
		if h.From[i] != nil {
			w, sens := make([]float64, i+1), form.Size[i]
			w[0] = h.At[i]
			for b, c := range h.From[i] {
				w[h.Basis[b]+1] = c
				sens += math.Abs(c) * form.Size[h.Basis[b]]
			}
			sens = max(sens, least)
			e.Lower, e.LowerSensitivity = w, []float64{sens}
			e.Upper, e.UpperSensitivity = w, []float64{sens}
			continue
		}
		last := len(h.Basis) - 1 // entity i
		for _, t := range h.Facets {
			c := t.C[last]
			if math.Abs(c) <= 1e-12 {
				continue
			}
			w := make([]float64, i+1)
			w[0] = t.D / c
			for b, v := range t.C[:last] {
				w[h.Basis[b]+1] = 0 - v/c
			}
			size := math.Abs(t.D)
			for b, v := range t.C {
				size = max(size, math.Abs(v)*form.Size[h.Basis[b]])
			}
			sens := max(size/math.Abs(c), least)
			if c > 0 {
				e.Upper, e.UpperSensitivity = append(e.Upper, w...), append(e.UpperSensitivity, sens)
			} else {
				e.Lower, e.LowerSensitivity = append(e.Lower, w...), append(e.LowerSensitivity, sens)
			}
		}
		if count := len(e.LowerSensitivity) + len(e.UpperSensitivity); count > maxPieces {
			return nil, &lp.BudgetError{Entity: p.Entities()[i], Reason: fmt.Sprintf("%d facets, allowed are %d", count, maxPieces)}
		}
	}
	return f, nil
}

// distinct drops repeated points.
func distinct(points [][]float64) [][]float64 {
	seen := map[string]bool{}
	var out [][]float64
	for _, v := range points {
		if key := fmt.Sprint(v); !seen[key] {
			seen[key] = true
			out = append(out, v)
		}
	}
	return out
}

// vertices returns the vertices of p under its own limits, from the cone over it,
// { (z, t): z, t >= 0, A z <= (b - A l) t, E z = (f - E l) t } with z = a - l.
func vertices(p *lp.Polytope, effort *int) ([][]float64, error) {
	var v [][]float64
	var err error
	for _, in := range dd.Precisions {
		v, err = tryVertices(p, in, effort)
		if !errors.Is(err, dd.ErrUndecided) {
			break
		}
	}
	return v, err
}

func tryVertices(p *lp.Polytope, in dd.Precision, effort *int) ([][]float64, error) {
	form := p.Form()
	const most = 5000
	n := p.Dim()
	nonneg, floor := make([]bool, n+1), make([]float64, n)
	nonneg[n] = true
	for j, l := range form.L {
		if nonneg[j] = !math.IsInf(l, -1); nonneg[j] {
			floor[j] = l
		}
	}
	c := dd.New(n+1, nonneg, in, dd.Budget{Rays: most, Effort: effort, Noise: hull.PointNoise})
	g := make([]float64, n+1)
	row := func(coef []float64, rhs float64) []float64 {
		copy(g, coef)
		g[n] = vec.Dot(coef, floor) - rhs
		return g
	}
	for k := range form.F {
		if err := c.Restrict(row(form.E[k*n:(k+1)*n], form.F[k])); err != nil {
			return nil, err
		}
	}
	for k := range form.B {
		if err := c.Cut(row(form.A[k*n:(k+1)*n], form.B[k])); err != nil {
			return nil, err
		}
	}
	unit := make([]float64, n)
	for j, u := range form.U {
		if !math.IsInf(u, 1) {
			unit[j] = 1
			if err := c.Cut(row(unit, u)); err != nil {
				return nil, err
			}
			unit[j] = 0
		}
	}
	if err := c.Check(); err != nil {
		return nil, err
	}
	rays, _ := c.Rays()
	var out [][]float64
	for _, x := range rays {
		if x[n] <= 1e-9 || len(c.Lines()) > 0 {
			return nil, errors.New("lp: the vertices do not span a bounded polytope")
		}
		v := make([]float64, n)
		for j := range v {
			v[j] = vec.Snap(floor[j]+x[j]/x[n], form.L[j], form.U[j])
		}
		out = append(out, v)
	}
	return out, nil
}
