package interval

import (
	"errors"
	"slices"

	"paspo/lp"
)

// termSolver answers for a polytope with convex terms by a solver of the lifted one, whose
// first entities are its own. The parts of terms come last and are never asked for.
type termSolver struct {
	p *lp.Polytope // with terms
	lp.Solver
}

func (s *termSolver) Polytope() *lp.Polytope { return s.p }

func (s *termSolver) Chain(batch int) lp.Chain {
	return &termChain{Chain: s.Solver.Chain(batch), p: s.p, batch: batch}
}

type termChain struct {
	lp.Chain
	p      *lp.Polytope
	batch  int
	entity int

	each   []lp.TermLimits
	limits []lp.Limits
}

func (c *termChain) Begin(rows int, limits []lp.Limits) {
	c.entity = 0
	if limits == nil || rows > c.batch {
		c.Chain.Begin(rows, limits)
		return
	}
	if c.each == nil {
		c.each, c.limits = make([]lp.TermLimits, c.batch), make([]lp.Limits, c.batch)
	}
	for r := range rows {
		c.limits[r] = *c.each[r].Lift(c.p, &limits[r])
	}
	c.Chain.Begin(rows, c.limits[:rows])
}

func (c *termChain) Next(lo, hi []float64) error {
	if c.entity == c.p.Dim() {
		panic("lp: Next after the last entity")
	}
	err := c.Chain.Next(lo, hi)
	if x := (*lp.InfeasibleError)(nil); errors.As(err, &x) {
		x.Conflict = slices.DeleteFunc(x.Conflict, func(s string) bool { return s == "" }) // parts have no names
	}
	return err
}

func (c *termChain) Fix(a []float64) {
	c.entity++
	c.Chain.Fix(a)
}
