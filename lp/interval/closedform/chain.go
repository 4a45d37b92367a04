package closedform

import (
	"math"
	"slices"

	"paspo/lp"
	"paspo/lp/internal/pieces"
	"paspo/lp/internal/tolerance"
	"paspo/lp/interval/relay"
)

func (s *Solver) Chain(batch int) lp.Chain { return s.Taker(batch) }

func (s *Solver) Taker(batch int) relay.Taker {
	f := s.f
	c := &chain{Batch: relay.NewBatch(f.p.Dim(), batch, &s.behind), f: f, rho: make([]float64, f.Size)}
	c.first = pieces.NewBatch(1, f.Size)
	c.first.Rows = 1
	c.groups[ownLimits] = group{pieces: f.pruned, endpoints: f.Needed}
	c.groups[otherLimits] = group{pieces: f.whole, endpoints: f.All}
	own := &c.groups[ownLimits]
	own.make(batch, f.Size)
	own.b.Fill(f.Begin)
	c.begin = slices.Clone(own.b.Rho)
	return c
}

// chain evaluates the rows of a batch that are under the polytope's own limits with fewer
// affine pieces than the others, so that the answer to a row depends on its own limits alone.
type chain struct {
	relay.Batch
	f      *Intervals
	groups [2]group

	rho   []float64 // of one row
	begin []float64 // of all rows under the polytope's own limits

	first *pieces.Batch // rho of the empty prefix of one row
}

const (
	ownLimits = iota
	otherLimits
)

// group is the part of a batch that is evaluated with the same affine pieces.
type group struct {
	pieces    []*pieces.Pieces
	endpoints []EndpointTable
	b         *pieces.Batch
	rows      []int       // of the batch, in ascending order
	lower     [][]float64 // that z is counted from, nil for the polytope's own
	col       []float64   // of the entity that was fixed last
	base      float64     // of all rows, NaN where each has its own
}

// make allocates the batch of a group that has none.
func (g *group) make(batch, size int) {
	if g.b == nil {
		g.b, g.rows, g.lower = pieces.NewBatch(batch, size), make([]int, 0, batch), make([][]float64, 0, batch)
	}
}

func (c *chain) Begin(rows int, limits []lp.Limits) {
	if limits != nil {
		relay.Begin(c, rows, limits)
		return
	}
	// The same for all rows at once: one by one they would take 4 to 8 % of the time of a chain.
	relay.CheckBatch(c.Most(), rows, nil)
	c.BeginEmpty(rows)
	c.TakeAll()
	g := &c.groups[ownLimits]
	for r := range rows {
		g.rows = append(g.rows, r)
	}
	g.b.Rows = rows
}

func (c *chain) BeginEmpty(rows int) {
	c.Batch.BeginEmpty(rows)
	for x := range c.groups {
		if g := &c.groups[x]; g.b != nil {
			g.rows, g.lower, g.col, g.b.Rows = g.rows[:0], g.lower[:0], nil, 0
			clear(g.b.Z)
		}
	}
	copy(c.groups[ownLimits].b.Rho, c.begin)
}

// Take hands over rows that come in the middle of their action, and those whose limits the closed
// form was not compiled for.
func (c *chain) Take(r int, lim *lp.Limits, prefix []float64, outside bool) {
	c.Batch.Take(r, lim, prefix)
	f, g := c.f, &c.groups[ownLimits]
	if len(prefix) > 0 || lim != nil && (lim.A != nil || !f.AnyLimits || !f.start(c.first, lim)) {
		c.Hand(r, outside)
		return
	}
	if lim != nil {
		g = &c.groups[otherLimits]
		g.make(len(c.Away), f.Size)
		g.b.SetRow(len(g.rows), c.first.Rho)
		_, _, l, _ := f.p.Resolve(lim)
		g.lower = append(g.lower, l)
	}
	g.rows = append(g.rows, r)
	g.b.Rows++
}

func (c *chain) Next(lo, hi []float64) error {
	i := c.Asked()
	for x := range c.groups {
		g := &c.groups[x]
		if len(g.rows) == 0 {
			continue
		}
		c.setBase(g)
		crossed := g.pieces[i].Eval(g.b, g.col)
		g.col = nil
		if crossed {
			c.uncross(g)
		}
		if g.endpoints[i].ill {
			c.handOverIll(g)
		}
		if len(g.rows) == c.Size {
			copy(lo[:c.Size], g.b.Lo)
			copy(hi[:c.Size], g.b.Hi)
			break
		}
		for slot, r := range g.rows {
			if !c.Away[r] {
				lo[r], hi[r] = g.b.Lo[slot], g.b.Hi[slot]
			}
		}
	}
	return c.Rest(lo, hi)
}

// setBase writes what the endpoints of the next entity are counted from.
func (c *chain) setBase(g *group) {
	f, i := c.f, c.Entity
	if !f.Facets && !f.Free[i] && len(g.lower) > 0 {
		for slot, l := range g.lower {
			g.b.Base[slot] = l[i] + 0 // not -0
		}
		g.base = math.NaN()
		return
	}
	base := 0.
	if !f.Facets && !f.Free[i] {
		base = f.Floor[i] + 0
	}
	if base == g.base {
		return
	}
	for slot := range g.b.Base {
		g.b.Base[slot] = base
	}
	g.base = base
}

// uncross answers rows whose endpoints cross: by rounding, or else by the solver behind.
func (c *chain) uncross(g *group) {
	e := &g.endpoints[c.Entity]
	for slot, r := range g.rows {
		if c.Away[r] || !(g.b.Lo[slot] > g.b.Hi[slot]) {
			continue
		}
		rho := c.rho[:e.Stride]
		g.b.Row(rho, slot)
		at, theta := e.relaxed(rho)
		if theta > tolerance.Cross {
			c.hand(g, slot, false)
			continue
		}
		at += g.b.Base[slot]
		g.b.Lo[slot], g.b.Hi[slot] = at, at
	}
}

// handOverIll hands over rows with an ill-conditioned endpoint.
func (c *chain) handOverIll(g *group) {
	e := &g.endpoints[c.Entity]
	for slot, r := range g.rows {
		if c.Away[r] {
			continue
		}
		rho := c.rho[:e.Stride]
		if g.b.Row(rho, slot); e.illAt(rho) {
			c.hand(g, slot, false)
		}
	}
}

// hand hands a row over with the prefix it has.
func (c *chain) hand(g *group, slot int, outside bool) {
	g.b.Z[slot] = 0
	c.Hand(g.rows[slot], outside)
}

func (c *chain) Fix(a []float64) {
	f, i := c.f, c.Entity
	a = a[:c.Size]
	c.Batch.Fix(a)
	for x := range c.groups {
		g := &c.groups[x]
		if len(g.rows) == 0 {
			continue
		}
		b := g.b
		if len(g.rows) == c.Size && len(c.Gone) == 0 {
			c.fixAll(g, a)
		} else {
			for slot, r := range g.rows {
				if c.Away[r] {
					continue
				}
				v := a[r]
				if relay.Outside(v, b.Lo[slot], b.Hi[slot]) {
					c.hand(g, slot, true)
					continue
				}
				b.Z[slot] = v - b.Base[slot]
			}
		}
		if !f.Facets {
			g.col = f.cols[i]
		} else if i+1 < f.Size {
			copy(b.Rho[(i+1)*b.Ld:], b.Z[:len(g.rows)])
		}
	}
}

// fixAll fixes all rows of a batch, which are all in g and none handed over: slots are
// rows, and nothing is looked up.
func (c *chain) fixAll(g *group, a []float64) {
	z, base, lo, hi := g.b.Z[:len(a)], g.b.Base[:len(a)], g.b.Lo[:len(a)], g.b.Hi[:len(a)]
	for r, v := range a {
		z[r] = v - base[r]
		if relay.Outside(v, lo[r], hi[r]) {
			c.hand(g, r, true)
		}
	}
}
