package interval

import (
	"slices"

	"gonum.org/v1/gonum/floats"

	"paspo/lp"
	"paspo/lp/interval/closedform"
)

// scaledSolver answers in the units of the user what a solver of the canonical form
// computes.
type scaledSolver struct {
	p *lp.Polytope // as stated
	lp.Solver
}

// inUnits returns s, a solver of the canonical form of p, as one of p.
func inUnits(p *lp.Polytope, s lp.Solver) lp.Solver {
	if p.Canonical() == p {
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
	return &scaledChain{
		Chain: s.Solver.Chain(batch), p: s.p, unit: d, a: make([]float64, batch),
		same: !slices.ContainsFunc(d, func(x float64) bool { return x != 1 }),
	}
}

type scaledChain struct {
	lp.Chain
	p      *lp.Polytope
	unit   []float64 // of amounts
	same   bool      // all units of amounts are 1
	rows   int
	entity int

	limits []lp.Limits
	each   []lp.LimitConverter
	a      []float64
}

func (c *scaledChain) Begin(rows int, limits []lp.Limits) {
	c.rows, c.entity = rows, 0
	if limits == nil || rows > len(c.a) || len(limits) < rows {
		c.Chain.Begin(rows, limits)
		return
	}
	if len(c.each) < rows {
		c.each, c.limits = make([]lp.LimitConverter, len(c.a)), make([]lp.Limits, len(c.a))
	}
	for r := range rows {
		if lim := &limits[r]; c.same && lim.B == nil && lim.E == nil && lim.A == nil {
			c.limits[r] = *lim
		} else {
			c.limits[r] = *c.each[r].Convert(c.p, lim)
		}
	}
	c.Chain.Begin(rows, c.limits[:rows])
}

func (c *scaledChain) Next(lo, hi []float64) error {
	err := c.Chain.Next(lo, hi)
	if d := c.unit[c.entity]; d != 1 {
		floats.Scale(d, lo[:c.rows])
		floats.Scale(d, hi[:c.rows])
	}
	return err
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
	amount, row, eq := s.p.Canonical().Units()
	return s.Solver.(*closedform.Solver).Tables().InUnits(amount, row, eq)
}
