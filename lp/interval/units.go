package interval

import (
	"slices"

	"gonum.org/v1/gonum/floats"

	"paspo/lp"
	"paspo/lp/interval/closedform"
	"paspo/lp/interval/relay"
)

// unitSolver answers in the units of the user what a solver of the canonical form
// computes. Of a hull, no endpoint is beyond the points.
type unitSolver struct {
	p *lp.Polytope // as stated
	relay.Solver
}

// inUnits returns s, a solver of the canonical form of p, as one of p.
func inUnits(p *lp.Polytope, s relay.Solver) relay.Solver {
	if p.Canonical() == p && p.Points() == nil {
		return s
	}
	x := &unitSolver{p, s}
	if f, ok := s.(*closedform.Solver); ok {
		return unitClosedForm{x, f}
	}
	return x
}

// find returns the solver of a type among s and those behind it, as far as these have started.
func find[T lp.Solver](s lp.Solver) (found T, ok bool) {
	for s != nil {
		if found, ok = s.(T); ok {
			break
		}
		before, _ := s.(interface{ Behind() lp.Solver })
		if before == nil {
			break
		}
		s = before.Behind()
	}
	return found, ok
}

// Behind returns the solver of the canonical form.
func (s *unitSolver) Behind() lp.Solver { return s.Solver }

func (s *unitSolver) Polytope() *lp.Polytope { return s.p }

func (s *unitSolver) Chain(batch int) lp.Chain { return s.Taker(batch) }

func (s *unitSolver) Taker(batch int) relay.Taker {
	d, _, _ := s.p.Canonical().Units()
	if d == nil {
		d = slices.Repeat([]float64{1}, s.p.Dim())
	}
	c := &unitChain{
		Taker: s.Solver.Taker(batch), p: s.p, unit: d, a: make([]float64, batch), prefix: make([]float64, len(d)),
		mine: make([]bool, batch), own: make([]bool, batch), each: make([]lp.LimitConverter, batch), limits: make([]lp.Limits, batch),
		same: !slices.ContainsFunc(d, func(x float64) bool { return x != 1 }),
	}
	c.least, c.most = pointRange(s.p)
	return c
}

// pointRange is what every entity can be in a hull of points; nil for another polytope.
func pointRange(p *lp.Polytope) (least, most []float64) {
	if p.Points() != nil {
		least, most, _ = lp.BoundingBox(p) // there is no error where there are points
	}
	return least, most
}

type unitChain struct {
	relay.Taker
	p    *lp.Polytope
	unit []float64 // of amounts
	same bool      // all units of amounts are 1
	rows int

	least, most []float64 // of every entity, over the points; nil where there are none

	own    []bool // of rows: under the polytope's own limits
	mine   []bool // of rows: answered here
	limits []lp.Limits
	each   []lp.LimitConverter
	a      []float64
	prefix []float64 // of a row, in units
}

func (c *unitChain) Begin(rows int, limits []lp.Limits) {
	relay.CheckBatch(c.Most(), rows, limits)
	c.rows = rows
	for r := range rows {
		c.convert(r, relay.At(limits, r))
	}
	if limits == nil {
		c.Taker.Begin(rows, nil)
		return
	}
	c.Taker.Begin(rows, c.limits[:rows])
}

// convert begins a row under limits, nil for the polytope's own, and returns them in the units
// of the canonical form.
func (c *unitChain) convert(r int, lim *lp.Limits) *lp.Limits {
	c.mine[r], c.own[r] = true, lim == nil
	switch {
	case lim == nil:
		c.limits[r] = lp.Limits{}
		return nil
	case c.p.Canonical() == c.p || c.same && lim.B == nil && lim.F == nil && lim.A == nil:
		c.limits[r] = *lim
	default:
		c.limits[r] = *c.each[r].Convert(c.p, lim)
	}
	return &c.limits[r]
}

func (c *unitChain) BeginEmpty(rows int) {
	c.rows = rows
	clear(c.mine)
	c.Taker.BeginEmpty(rows)
}

func (c *unitChain) Take(r int, lim *lp.Limits, prefix []float64, outside bool) {
	for i, a := range prefix {
		c.prefix[i] = a / c.unit[i]
	}
	c.Taker.Take(r, c.convert(r, lim), c.prefix[:len(prefix)], outside)
}

func (c *unitChain) Next(lo, hi []float64) error {
	i := c.Asked()
	err := c.Taker.Next(lo, hi)
	if d := c.unit[i]; d != 1 {
		for r := range c.rows {
			if c.mine[r] {
				lo[r], hi[r] = d*lo[r], d*hi[r]
			}
		}
	}
	if c.least != nil {
		c.stayInside(i, lo, hi)
	}
	return err
}

// stayInside keeps endpoints of entity i that rounding moved beyond the points within their range.
// Limits of a state that move rows make another set, which may reach further; the rows of a
// hull without facets are its points, which none moves.
func (c *unitChain) stayInside(i int, lo, hi []float64) {
	least, most := c.least[i], c.most[i]
	for r := range c.rows {
		if c.mine[r] && (c.p.HullOnly() || c.own[r]) {
			lo[r], hi[r] = min(max(lo[r], least), most), min(max(hi[r], least), most)
		}
	}
}

func (c *unitChain) Fix(a []float64) {
	d := c.unit[c.Asked()]
	if d == 1 {
		c.Taker.Fix(a)
		return
	}
	// Units are powers of two between 2^-500 and 2^500, as their inverses are.
	c.Taker.Fix(floats.ScaleTo(c.a[:c.rows], 1/d, a[:c.rows]))
}

// unitClosedForm is a unitSolver of a closed form.
type unitClosedForm struct {
	*unitSolver
	f *closedform.Solver
}

func (s unitClosedForm) Compiled() *closedform.Compiled { return s.f.Compiled() }

func (s unitClosedForm) Tables() *closedform.Tables {
	t := s.f.Tables()
	if amount, row, eq := s.p.Canonical().Units(); amount != nil {
		t = t.InUnits(amount, row, eq)
	}
	t.Least, t.Most = pointRange(s.p)
	return t
}
