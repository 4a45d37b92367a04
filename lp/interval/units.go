package interval

import (
	"slices"

	"gonum.org/v1/gonum/floats"

	"paspo/lp"
	"paspo/lp/interval/closedform"
	"paspo/lp/interval/relay"
)

// scaledSolver answers in the units of the user what a solver of the canonical form
// computes. Of a hull, no endpoint is beyond the points.
type scaledSolver struct {
	p *lp.Polytope // as stated
	lp.Solver
}

// inUnits returns s, a solver of the canonical form of p, as one of p.
func inUnits(p *lp.Polytope, s lp.Solver) lp.Solver {
	if p.Canonical() == p && p.Points() == nil {
		return s
	}
	x := &scaledSolver{p, s}
	if _, ok := s.(*closedform.Solver); ok {
		return scaledExplicit{x}
	}
	return x
}

// unscaled returns the solver that computes.
func unscaled(s lp.Solver) lp.Solver {
	if x, ok := s.(*termSolver); ok {
		s = x.Solver
	}
	switch x := s.(type) {
	case *scaledSolver:
		return x.Solver
	case scaledExplicit:
		return x.Solver
	}
	return s
}

func (s *scaledSolver) Polytope() *lp.Polytope { return s.p }

func (s *scaledSolver) Chain(batch int) lp.Chain {
	d, _, _ := s.p.Canonical().Units()
	if d == nil {
		d = slices.Repeat([]float64{1}, s.p.Dim())
	}
	c := &scaledChain{
		Chain: s.Solver.Chain(batch), p: s.p, unit: d, a: make([]float64, batch), prefix: make([]float64, len(d)),
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

type scaledChain struct {
	lp.Chain
	p      *lp.Polytope
	unit   []float64 // of amounts
	same   bool      // all units of amounts are 1
	rows   int
	entity int

	least, most []float64 // of every entity, over the points; nil where there are none

	own    []bool // of rows: under the polytope's own limits
	mine   []bool // of rows: answered here
	limits []lp.Limits
	each   []lp.LimitConverter
	a      []float64
	prefix []float64 // of a row, in units
}

func (c *scaledChain) Begin(rows int, limits []lp.Limits) {
	relay.CheckBatch(len(c.a), rows, limits)
	c.rows, c.entity = rows, 0
	for r := range rows {
		c.convert(r, relay.At(limits, r))
	}
	if limits == nil {
		c.Chain.Begin(rows, nil)
		return
	}
	c.Chain.Begin(rows, c.limits[:rows])
}

// convert takes over a row under limits, nil for the polytope's own.
func (c *scaledChain) convert(r int, lim *lp.Limits) *lp.Limits {
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

func (c *scaledChain) Follow(rows int) {
	c.rows, c.entity = rows, 0
	clear(c.mine)
	c.Chain.(relay.Follower).Follow(rows)
}

func (c *scaledChain) Take(r int, lim *lp.Limits, prefix []float64, outside bool) {
	c.entity = len(prefix)
	for i, a := range prefix {
		c.prefix[i] = a / c.unit[i]
	}
	c.Chain.(relay.Follower).Take(r, c.convert(r, lim), c.prefix[:len(prefix)], outside)
}

func (c *scaledChain) Next(lo, hi []float64) error {
	err := c.Chain.Next(lo, hi)
	if d := c.unit[c.entity]; d != 1 {
		for r := range c.rows {
			if c.mine[r] {
				lo[r], hi[r] = d*lo[r], d*hi[r]
			}
		}
	}
	if c.least != nil {
		c.stayInside(lo, hi)
	}
	return err
}

// stayInside keeps endpoints that rounding moved beyond the points within their range.
// Limits of a state that move rows make another set, which may reach further; the rows of a
// hull without facets are its points, which none moves.
func (c *scaledChain) stayInside(lo, hi []float64) {
	least, most := c.least[c.entity], c.most[c.entity]
	for r := range c.rows {
		if c.mine[r] && (c.p.HullOnly() || c.own[r]) {
			lo[r], hi[r] = min(max(lo[r], least), most), min(max(hi[r], least), most)
		}
	}
}

func (c *scaledChain) Fix(a []float64) {
	d := c.unit[c.entity]
	c.entity++
	if d == 1 {
		c.Chain.Fix(a)
		return
	}
	// Units are powers of two between 2^-500 and 2^500, as their inverses are.
	c.Chain.Fix(floats.ScaleTo(c.a[:c.rows], 1/d, a[:c.rows]))
}

// scaledExplicit is a scaledSolver of a closed form.
type scaledExplicit struct{ *scaledSolver }

func (s scaledExplicit) Compiled() *closedform.Compiled {
	return s.Solver.(*closedform.Solver).Compiled()
}

func (s scaledExplicit) Tables() *closedform.Tables {
	t := s.Solver.(*closedform.Solver).Tables()
	if amount, row, eq := s.p.Canonical().Units(); amount != nil {
		t = t.InUnits(amount, row, eq)
	}
	t.Least, t.Most = pointRange(s.p)
	return t
}
