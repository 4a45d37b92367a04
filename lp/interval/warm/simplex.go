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
	c      []*columns // the first that serves a state is taken
	behind relay.Successor
}

// NewMatrices answers states of p, a canonical form, that have a matrix of their own. It
// hands over all others, and all where there are more rows than a basis takes, or no
// matrix to replace, as in hulls without facets.
func NewMatrices(p *lp.Polytope, behind func() (lp.Solver, error)) *Simplex {
	s := &Simplex{p: p, behind: relay.NewSuccessor(behind)}
	if !p.HullOnly() {
		if c := newColumns(p, true, false); c != nil {
			s.c = append(s.c, c)
		}
	}
	return s
}

// NewColumns answers a polytope with convex terms, but for states with a matrix of their
// own. It is nil where columns do not serve: where an entity has three Froms, units of
// amounts differ, or there are too many rows.
func NewColumns(p *lp.Polytope, behind func() (lp.Solver, error)) *Simplex {
	c := newColumns(p, false, true)
	if c == nil {
		return nil
	}
	s := &Simplex{p, []*columns{c}, relay.NewSuccessor(behind)}
	if len(c.implied) > 0 {
		s.c = append(s.c, newColumns(p, false, false))
	}
	return s
}

func (s *Simplex) Polytope() *lp.Polytope { return s.p }

func (s *Simplex) Method() string { return "simplex" }

func (s *Simplex) Close() error { return s.behind.Close() }

// Behind returns the solver behind the simplex, nil until it was needed.
func (s *Simplex) Behind() lp.Solver { return s.behind.Started() }

func (s *Simplex) Chain(batch int) lp.Chain {
	c := &simplexChain{s: s, rows: make([]*row, batch), away: make([]bool, batch), behind: relay.NewHandover(&s.behind, batch)}
	for range s.c {
		c.of = append(c.of, make([]*row, batch))
	}
	return c
}

// simplexChain answers its rows one after another in the goroutine that asks.
type simplexChain struct {
	s      *Simplex
	of     [][]*row // of every columns, nil until they are needed
	rows   []*row   // which of these answer
	away   []bool   // answered elsewhere
	size   int
	entity int
	behind relay.Handover
}

func (c *simplexChain) Begin(rows int, limits []lp.Limits) { relay.Begin(c, len(c.rows), rows, limits) }

func (c *simplexChain) Follow(rows int) {
	c.size, c.entity = rows, 0
	c.behind.Begin()
	for x := range rows {
		c.away[x] = true
	}
}

func (c *simplexChain) Take(x int, lim *lp.Limits, prefix []float64, outside bool) {
	c.entity = len(prefix)
	c.away[x] = outside || !c.begin(x, lim)
	if c.away[x] {
		c.behind.Hand(c.size, x, lim, prefix, outside)
		return
	}
	for _, a := range prefix {
		c.rows[x].fix(a)
	}
}

// begin reports whether columns serve a state.
func (c *simplexChain) begin(x int, lim *lp.Limits) bool {
	for k, s := range c.s.c {
		if s.matrices != (lim != nil && lim.A != nil) {
			return false
		}
		if c.of[k][x] == nil {
			c.of[k][x] = s.newRow()
		}
		if c.rows[x] = c.of[k][x]; c.rows[x].begin(lim) {
			return true
		}
	}
	return false
}

func (c *simplexChain) hand(x int, outside bool) {
	row := c.rows[x]
	c.away[x] = true
	c.behind.Hand(c.size, x, row.lim, row.Prefix[:row.Entity], outside)
}

func (c *simplexChain) Next(lo, hi []float64) error {
	if c.entity >= c.s.p.Dim() {
		panic(relay.BadEntity)
	}
	for x := range c.size {
		row := c.rows[x]
		switch {
		case c.away[x]:
		case row.answer():
			lo[x], hi[x] = row.Lo, row.Hi
		default:
			c.hand(x, false)
		}
	}
	return c.behind.Next(lo, hi)
}

func (c *simplexChain) Fix(a []float64) {
	c.entity++
	c.behind.Fix(a)
	for x := range c.size {
		if c.away[x] {
			continue
		}
		row := c.rows[x]
		row.fix(a[x])
		if relay.Outside(a[x], row.Lo, row.Hi) {
			c.hand(x, true)
		}
	}
}

// Handed returns the rows that another method answers.
func (c *simplexChain) Handed() *relay.Handover { return &c.behind }
