package warm

import (
	"paspo/lp"
	"paspo/lp/interval/relay"
)

// Simplex answers every action by a dual simplex method of its own, which goes on from one
// interval to the next. Nothing outlasts the action: an answer depends on the state and the
// prefix alone.
//
// An endpoint is answered where an allocation has it that satisfies all constraints, and
// duals bound it, to the tolerances that answers of CLP are held to. All else is handed
// over, the rest of the action included: states whose limits are empty or not finite
// numbers, and entities without an endpoint.
type Simplex struct {
	p      *lp.Polytope
	c      Columns // the first that serves a state is taken
	behind relay.Successor
}

// NewMatrices answers states of p, a canonical form, that have a matrix of their own. It
// hands over all others, and all where there are more rows than a basis takes, or no
// matrix to replace, as in hulls without facets.
func NewMatrices(p *lp.Polytope, behind func() (relay.Solver, error)) *Simplex {
	s := &Simplex{p: p, behind: relay.NewSuccessor(behind)}
	if !p.HullOnly() {
		if c := newColumns(p, true, false); c != nil {
			s.c = append(s.c, c)
		}
	}
	return s
}

// Columns are those of a polytope with convex terms. They answer all states but those with a
// matrix of their own.
type Columns []*columns

// NewColumns returns none where columns do not serve: where an entity has three Froms, units of
// amounts differ, or there are too many rows.
func NewColumns(p *lp.Polytope) Columns {
	c := newColumns(p, false, true)
	switch {
	case c == nil:
		return nil
	case len(c.implied) > 0:
		return Columns{c, newColumns(p, false, false)}
	}
	return Columns{c}
}

// Before returns the solver by columns whose successor is s.
func (c Columns) Before(s relay.Solver) *Simplex {
	return &Simplex{c[0].p, c, relay.Ready(s)}
}

func (s *Simplex) Polytope() *lp.Polytope { return s.p }

func (s *Simplex) Method() string { return "simplex" }

func (s *Simplex) Close() error { return s.behind.Close() }

// Behind returns the solver behind the simplex, nil until it was needed.
func (s *Simplex) Behind() lp.Solver { return s.behind.Started() }

func (s *Simplex) Chain(batch int) lp.Chain { return s.Taker(batch) }

func (s *Simplex) Taker(batch int) relay.Taker {
	c := &simplexChain{s: s, rows: make([]*row, batch)}
	c.Rows = relay.NewRows(c, s.p.Dim(), batch, &s.behind)
	for range s.c {
		c.of = append(c.of, make([]*row, batch))
	}
	return c
}

type simplexChain struct {
	relay.Rows
	s    *Simplex
	of   [][]*row // by columns and row of the batch, nil until they are needed
	rows []*row   // which of these answer
}

// Start implements relay.Answerer.
func (c *simplexChain) Start(r int, lim *lp.Limits) bool {
	for k, s := range c.s.c {
		if s.matrices != (lim != nil && lim.A != nil) {
			return false
		}
		if c.of[k][r] == nil {
			c.of[k][r] = s.newRow()
		}
		if c.rows[r] = c.of[k][r]; c.rows[r].begin(lim) {
			return true
		}
	}
	return false
}

// Answer implements relay.Answerer.
func (c *simplexChain) Answer(r int) (lo, hi float64, ok bool) {
	row := c.rows[r]
	ok = row.answer()
	return row.Lo, row.Hi, ok
}

// Advance implements relay.Answerer.
func (c *simplexChain) Advance(r, _ int, a float64) { c.rows[r].fix(a) }
