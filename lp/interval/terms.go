package interval

import (
	"paspo/lp"
	"paspo/lp/interval/relay"
)

// termSolver answers for a polytope with convex terms by a solver of the lifted one, whose
// first entities are its own. The auxiliary entities that parts of terms are come last and are
// never asked for.
type termSolver struct {
	p *lp.Polytope // with terms
	relay.Solver
	matrix []float64 // that states without one take, nil for none
}

// overLifted returns the solver of p by one of its lifted polytope.
func overLifted(p *lp.Polytope, s relay.Solver) *termSolver {
	t := &termSolver{p: p, Solver: s}
	if s.Method() == "lazy" {
		// Among so many entities a basis that was optimal seldom is again. Matrices do not try any.
		t.matrix, _, _ = p.Lifted().Inequalities()
	}
	return t
}

func (s *termSolver) Polytope() *lp.Polytope { return s.p }

// Behind returns the solver of the lifted polytope.
func (s *termSolver) Behind() lp.Solver { return s.Solver }

func (s *termSolver) Chain(batch int) lp.Chain { return s.Taker(batch) }

func (s *termSolver) Taker(batch int) relay.Taker {
	return &termChain{s: s, Taker: s.Solver.Taker(batch), each: make([]lp.TermLimits, batch), limits: make([]lp.Limits, batch)}
}

type termChain struct {
	relay.Taker
	s      *termSolver
	each   []lp.TermLimits
	limits []lp.Limits
}

func (c *termChain) Begin(rows int, limits []lp.Limits) {
	relay.CheckBatch(c.Most(), rows, limits)
	if limits == nil && c.s.matrix == nil {
		c.Taker.Begin(rows, nil)
		return
	}
	for r := range rows {
		c.lift(r, relay.At(limits, r))
	}
	c.Taker.Begin(rows, c.limits[:rows])
}

// lift lifts the limits of a row, nil for the polytope's own.
func (c *termChain) lift(r int, lim *lp.Limits) *lp.Limits {
	c.limits[r] = lp.Limits{}
	if lim != nil {
		c.limits[r] = *c.each[r].Lift(c.s.p, lim)
	}
	if c.limits[r].A == nil {
		c.limits[r].A = c.s.matrix
	}
	return &c.limits[r]
}

func (c *termChain) Take(r int, lim *lp.Limits, prefix []float64, outside bool) {
	c.Taker.Take(r, c.lift(r, lim), prefix, outside)
}

func (c *termChain) Next(lo, hi []float64) error {
	if c.Asked() >= c.s.p.Dim() {
		panic(relay.BadEntity)
	}
	return c.Taker.Next(lo, hi)
}
