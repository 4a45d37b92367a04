package warm

import (
	"paspo/lp"
	"paspo/lp/interval/relay"
)

// matrixChain answers its rows one after another in the goroutine that asks.
type matrixChain struct {
	s      *Matrices
	rows   []*matrixRow // nil until there was a matrix
	away   []bool       // answered elsewhere
	size   int
	entity int
	behind relay.Handover
}

func (c *matrixChain) Begin(rows int, limits []lp.Limits) { relay.Begin(c, len(c.rows), rows, limits) }

func (c *matrixChain) Follow(rows int) {
	c.size, c.entity = rows, 0
	c.behind.Begin()
	for x := range rows {
		c.away[x] = true
	}
}

func (c *matrixChain) Take(x int, lim *lp.Limits, prefix []float64, outside bool) {
	c.entity = len(prefix)
	row := c.begin(x, lim)
	c.away[x] = outside || row == nil
	if c.away[x] {
		c.behind.Hand(c.size, x, lim, prefix, outside)
		return
	}
	for _, a := range prefix {
		row.fix(a)
	}
}

// begin returns row x, nil where a basis cannot serve its limits.
func (c *matrixChain) begin(x int, lim *lp.Limits) *matrixRow {
	if lim == nil || lim.A == nil || c.s.p.HullOnly() || TooManyRows(c.s.p) {
		return nil
	}
	if c.rows[x] == nil {
		c.rows[x] = &matrixRow{}
	}
	if !c.rows[x].begin(c.s.p, lim) {
		return nil
	}
	return c.rows[x]
}

func (c *matrixChain) hand(x int, outside bool) {
	row := c.rows[x]
	c.away[x] = true
	c.behind.Hand(c.size, x, row.lim, row.Prefix[:row.Entity], outside)
}

func (c *matrixChain) Next(lo, hi []float64) error {
	if c.entity >= c.s.p.Dim() {
		panic(relay.BadEntity)
	}
	for x := range c.size {
		row := c.rows[x]
		switch {
		case c.away[x]:
		case row.answer():
			lo[x], hi[x] = row.lo, row.hi
		default:
			c.hand(x, false)
		}
	}
	return c.behind.Next(lo, hi)
}

func (c *matrixChain) Fix(a []float64) {
	c.entity++
	c.behind.Fix(a)
	for x := range c.size {
		if c.away[x] {
			continue
		}
		row := c.rows[x]
		stayed := row.within(a[x])
		row.fix(a[x])
		if !stayed {
			c.hand(x, true)
		}
	}
}

// Handed returns the rows that another method answers.
func (c *matrixChain) Handed() *relay.Handover { return &c.behind }
