package relay

import "paspo/lp"

// Answerer answers one row of a batch at a time.
type Answerer interface {
	// Start begins an action under limits, nil for the polytope's own. It reports whether the
	// action can be answered here.
	Start(r int, lim *lp.Limits) bool

	// Answer finds the interval of the next entity. It reports whether it did.
	Answer(r int) (lo, hi float64, ok bool)

	// Advance fixes entity i to a.
	Advance(r, i int, a float64)
}

// Rows is a chain that answers its rows one after another in the goroutine that asks, and
// hands over those that it cannot answer.
type Rows struct {
	Batch
	by     Answerer
	lo, hi []float64 // of the last answer
}

// NewRows is NewBatch for rows that are answered by an Answerer.
func NewRows(by Answerer, n, most int, to *Successor) Rows {
	return Rows{NewBatch(n, most, to), by, make([]float64, most), make([]float64, most)}
}

func (c *Rows) Begin(rows int, limits []lp.Limits) { Begin(c, rows, limits) }

func (c *Rows) Take(r int, lim *lp.Limits, prefix []float64, outside bool) {
	c.Batch.Take(r, lim, prefix)
	if outside || !c.by.Start(r, lim) {
		c.Hand(r, outside)
		return
	}
	for i, a := range prefix {
		c.by.Advance(r, i, a)
	}
}

func (c *Rows) Next(lo, hi []float64) error {
	c.Asked()
	for r := range c.Size {
		if c.Away[r] {
			continue
		}
		l, h, ok := c.by.Answer(r)
		if !ok {
			c.Hand(r, false)
			continue
		}
		lo[r], hi[r] = l, h
		c.lo[r], c.hi[r] = l, h
	}
	return c.Rest(lo, hi)
}

func (c *Rows) Fix(a []float64) {
	i := c.Entity
	c.Batch.Fix(a)
	for r := range c.Size {
		switch {
		case c.Away[r]:
		case Outside(a[r], c.lo[r], c.hi[r]):
			c.Hand(r, true)
		default:
			c.by.Advance(r, i, a[r])
		}
	}
}
