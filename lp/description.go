package lp

import (
	"errors"
	"math"
	"slices"

	"paspo/lp/internal/hull"
	"paspo/lp/internal/program"
	"paspo/lp/internal/units"
)

// Description returns what the polytope was described by: New makes the same polytope
// of it. The slices must not be modified.
func (p *Polytope) Description() Description {
	d := Description{
		Name: p.name, Entities: p.entities, Total: math.NaN(), Lower: p.form.L, Upper: p.form.U,
		Rows: p.rows, Points: p.points, FacetEffort: p.facetEffort,
	}
	if p.budget {
		d.Total = p.form.F[0]
	}
	return d
}

// WithoutHoldings returns the description without the rows that count from holdings.
func (d Description) WithoutHoldings() Description {
	d.Rows = slices.DeleteFunc(slices.Clone(d.Rows), func(r Row) bool {
		return slices.ContainsFunc(r.Terms, func(t Term) bool { return t.Holding })
	})
	return d
}

// Empty says whether nothing satisfies a description. Other errors are those of New.
// Unlike New it looks for no conflict, which takes longer.
func Empty(d Description) (bool, error) {
	p, err := assemble(d, hull.Effort)
	if err == nil && p.terms != nil {
		err = p.finishTerms()
	}
	var empty *EmptyError
	if errors.As(err, &empty) {
		return true, nil
	}
	if err != nil || p.terms != nil {
		return false, err
	}
	s := units.Guessed(p.form)
	p.setSizes(s)
	c := p.in(units.OfAmounts(s, p.total()), p.form.Size)
	_, _, err = c.program(make([]float64, p.Dim()), nil).Optimum()
	if errors.Is(err, program.ErrInfeasible) {
		return true, nil
	}
	return false, err
}
