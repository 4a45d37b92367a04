package lp

import (
	"fmt"
	"math"

	"paspo/lp/internal/hull"
	"paspo/lp/internal/units"
)

// HullName names the one constraint that a hull without facets is.
const HullName = "hull of the points"

// pointHull is the convex hull of points whose facets are too many to find. Distances to
// it, and optima over its part within limits of a state, are linear programs over the
// weights of the points.
type pointHull struct {
	*hull.Body
	tried int // steps that did not find the facets
}

// newPointHull prepares what questions share.
func newPointHull(points [][]float64, tried int) (*pointHull, error) {
	body, err := hull.NewBody(points, units.Filled(pointSizes(points)))
	if err != nil {
		return nil, err
	}
	return &pointHull{Body: body, tried: tried}, nil
}

// Hull returns the walks of a hull without facets, nil where there are facets.
func (p *Polytope) Hull() *hull.Body {
	if p.hull == nil {
		return nil
	}
	return p.hull.Body
}

// FacetsBeyond returns a *BudgetError where p is a hull whose facets were not found with
// this effort or more, in elementary steps.
func (p *Polytope) FacetsBeyond(effort int) error {
	h := p.hull
	if h == nil || effort > h.tried {
		return nil
	}
	// The interval of the last entity that the others before it do not determine takes
	// all facets.
	last := h.N - 1
	if len(h.Basis) > 0 {
		last = h.Basis[len(h.Basis)-1]
	}
	return &BudgetError{Entity: p.entities[last], Reason: fmt.Sprintf(
		"the hull of its %d points in %d dimensions has more facets than its budget of %d million steps and of memory finds",
		len(h.Points), len(h.Basis), h.tried/1_000_000)}
}

// hullRows returns the facets, as rows c . x <= d with largest |c| 1, and the equalities
// of the affine hull. The facets of a single point are none.
func hullRows(h *hull.Hull) (rows, equalities []Row) {
	for k, f := range h.Facets {
		row := Row{Name: fmt.Sprintf("facet %d", k+1), Coef: make([]float64, h.N), Min: math.Inf(-1), Max: f.D}
		for b, j := range h.Basis {
			row.Coef[j] = f.C[b]
		}
		rows = append(rows, row)
	}
	for j, from := range h.From {
		if from == nil {
			continue // of the basis
		}
		row := Row{Name: fmt.Sprintf("plane %d", len(equalities)+1), Coef: make([]float64, h.N), Min: h.At[j], Max: h.At[j]}
		row.Coef[j] = 1
		for b, w := range from {
			row.Coef[h.Basis[b]] = 0 - w
		}
		equalities = append(equalities, row)
	}
	return rows, equalities
}
