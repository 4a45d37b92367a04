package lp

import (
	"context"
	"errors"
	"fmt"
	"math"

	"paspo/lp/internal/program"
	"paspo/lp/internal/units"
	"paspo/lp/internal/vec"
)

// Canonical returns the form of p in which all amounts and rows have a size of about
// 1, so that tolerances mean the same whatever units the user has. It is p itself
// where that is so already. Everything but what belongs to the user, such as
// residuals, is computed in it.
func (p *Polytope) Canonical() *Polytope {
	if p.canon == nil {
		return p
	}
	return p.canon
}

// Units returns the units of p where it is the canonical form of another polytope: amounts are
// a_j / amount_j, rows A_kj amount_j / row_k and b_k / row_k, equalities likewise. All are
// powers of two, so that converting rounds nothing. Any other polytope has nil. They must not be
// modified.
func (p *Polytope) Units() (amount, row, eq []float64) {
	if p.units == nil {
		return nil, nil, nil
	}
	return p.units.Amount, p.units.Row, p.units.Eq
}

// setSizes sets the sizes of entities, and with them what residuals of rows and
// equalities are measured in. A size of 0 is replaced by the largest.
func (p *Polytope) setSizes(s []float64) {
	p.form.SetSizes(units.Filled(s))
}

// Form returns the numbers of p. They must not be modified.
func (p *Polytope) Form() program.Form { return p.form }

// Sizes returns the size of every entity: its largest magnitude in the polytope, or
// where that is 0 the largest of all. The slice must not be modified.
func (p *Polytope) Sizes() []float64 { return p.form.Size }

// RowSizes returns what residuals of inequalities and equalities are measured in
// beside their right-hand sides, sum_j |A_kj| s_j with s the sizes of entities. The
// slices must not be modified.
func (p *Polytope) RowSizes() (rows, equalities []float64) { return p.form.RowSize, p.form.EqSize }

// in returns p in the given units of amounts, for entities of sizes s. It is p itself
// where all units are 1.
func (p *Polytope) in(d, s []float64) *Polytope {
	form, u := units.Convert(p.form, d, s)
	if u == nil {
		return p
	}
	q := &Polytope{
		name: p.name, entities: p.entities, rowNames: p.rowNames, eqNames: p.eqNames, form: form, units: u,
		hull: p.hull, narrow: p.narrow, auxiliary: p.auxiliary, budget: p.budget,
	}
	for _, v := range p.points {
		q.points = append(q.points, units.Over(v, d))
	}
	if p.form.Size != nil {
		q.setSizes(units.Over(p.form.Size, d))
	}
	return q
}

// total returns the budget, NaN where there is none.
func (p *Polytope) total() float64 {
	if p.budget {
		return p.form.F[0]
	}
	return math.NaN()
}

// scaleByRows finds the sizes of a polytope without points and sets its canonical form. It is
// an error where the polytope is empty or has no bounds.
func (p *Polytope) scaleByRows() error {
	found, err := units.Find(p.form, p.total(), p.rangesIn)
	if err != nil {
		return err
	}
	p.finish(found.Sizes)
	for j, v := range found.Noise[:p.Dim()-p.auxiliary] {
		if v > 0 {
			p.warnings = append(p.warnings, fmt.Sprintf("the largest amount of %s, %.2g, hangs on rounding: limits that are off in their 16th digit move its 7th or an earlier one, so that %[1]s is held to 1e-9 of the largest entity, not of itself", p.entities[j], v))
		}
	}
	if found.Least != nil {
		q := p.Canonical()
		q.known.lo, q.known.hi = p.amounts(found.Least), p.amounts(found.Most)
	}
	return nil
}

// rangesIn returns the ranges of entities in units of amounts for units.Find. Unless the bounds
// that single rows imply are finite, it makes sure that the polytope has bounds.
func (p *Polytope) rangesIn(amount, sizes []float64, finite bool) (least, most, moves []float64, err error) {
	p.setSizes(sizes)
	c := p.in(amount, p.form.Size)
	var empty *EmptyError
	var open *UnboundedError
	if _, _, err := c.program(make([]float64, p.Dim()), nil).Optimum(); err != nil {
		err = c.refusal(err, nil)
		if unbounded := c.checkBounded(); !errors.As(err, &empty) && errors.As(unbounded, &open) {
			return nil, nil, nil, open // rows that are all but parallel meet very far away
		}
		return nil, nil, nil, err
	}
	if !finite {
		if err := c.checkBounded(); err != nil {
			return nil, nil, nil, err
		}
	}
	if least, most, moves, err = c.ranges(context.Background()); err != nil && finite && !errors.As(err, &empty) {
		return nil, nil, nil, nil
	}
	if empty != nil {
		err = empty // without the units in which it was found
	}
	return least, most, moves, err
}

// finish sets sizes and the canonical form.
func (p *Polytope) finish(sizes []float64) {
	p.setSizes(sizes)
	if c := p.in(units.OfAmounts(sizes, p.total()), p.form.Size); c != p {
		p.canon = c
	}
	p.Canonical().known = &known{}
}

// amounts returns canonical amounts from those of the user.
func (p *Polytope) amounts(x []float64) []float64 {
	if p.Canonical() == p {
		return x
	}
	return units.Over(x, p.canon.units.Amount)
}

// stated returns amounts of the user from canonical ones.
func (p *Polytope) stated(x []float64) []float64 {
	if p.Canonical() == p {
		return x
	}
	return units.Times(x, p.canon.units.Amount)
}

// costs returns what the canonical amounts cost, up to a factor that makes the
// largest about 1.
func (p *Polytope) costs(c []float64) []float64 {
	y := units.Times(c, p.canon.units.Amount)
	if most := vec.MaxAbs(y); most > 0 {
		vec.Divided(y, y, units.Of(most))
	}
	return y
}

// canonicalLimits returns limits of the canonical form. It panics where one has a bad
// length.
func (p *Polytope) canonicalLimits(lim *Limits) *Limits {
	if lim == nil || p.Canonical() == p {
		return lim
	}
	var c LimitConverter
	return c.Convert(p, lim)
}

// LimitConverter converts the limits of one state to the canonical form, into memory
// of its own.
type LimitConverter struct {
	out                         Limits
	b, f, lower, upper, a, unit []float64
}

// Convert returns limits that hold until the next call.
func (c *LimitConverter) Convert(p *Polytope, lim *Limits) *Limits {
	q := p.canon
	b, _, _, _ := p.Resolve(lim)
	d := q.units.Amount
	rows := q.units.Row
	c.out = Limits{A: lim.A}
	if lim.A != nil && p.hull == nil {
		if len(lim.A) != len(p.form.A) {
			panic(badLength)
		}
		n := p.Dim()
		c.a, c.unit = vec.Grown(c.a, len(lim.A)), vec.Grown(c.unit, len(b))
		rows = c.unit
		for k := range rows {
			row := lim.A[k*n : (k+1)*n]
			rows[k] = units.OfRow(row, p.form.Size)
			units.Row(c.a[k*n:(k+1)*n], row, d, rows[k])
		}
		c.out.A = c.a
	}
	// quotients returns x over units, nil of nil.
	quotients := func(keep *[]float64, x, unit []float64) []float64 {
		if x == nil {
			return nil
		}
		*keep = vec.Grown(*keep, len(x))
		for k, v := range x {
			(*keep)[k] = v / unit[k]
		}
		return *keep
	}
	if lim.B != nil || c.out.A != nil {
		c.out.B = quotients(&c.b, b, rows)
	}
	c.out.F = quotients(&c.f, lim.F, q.units.Eq)
	c.out.Lower, c.out.Upper = quotients(&c.lower, lim.Lower, d), quotients(&c.upper, lim.Upper, d)
	return &c.out
}
