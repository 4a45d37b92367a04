package closedform

import (
	"math"
	"slices"

	"paspo/lp"
	"paspo/lp/internal/pieces"
	"paspo/lp/internal/tolerance"
	"paspo/lp/interval/relay"
)

func (s *Solver) Chain(batch int) lp.Chain {
	f := s.f
	c := &chain{
		s: s, batch: batch, prefix: make([]float64, batch*f.p.Dim()), rho: make([]float64, max(f.Size, f.p.Dim())),
		behind: relay.NewHandover(&s.behind, batch),
	}
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
// pieces than the others, so that the answer to a row depends on its own limits alone.
type chain struct {
	s      *Solver
	batch  int
	rows   int
	entity int
	limits []lp.Limits
	groups [2]group
	behind relay.Handover

	prefix []float64 // n x batch
	rho    []float64 // of one row
	begin  []float64 // of all rows under the polytope's own limits

	first *pieces.Batch // rho of the empty prefix of one row
}

const (
	ownLimits = iota
	otherLimits
)

// group is the part of a batch that is evaluated with the same pieces.
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
	relay.CheckBatch(c.batch, rows, limits)
	c.rows, c.entity, c.limits = rows, 0, limits
	c.behind.Begin()
	f := c.s.f
	for x := range c.groups {
		g := &c.groups[x]
		g.rows, g.lower, g.col = g.rows[:0], g.lower[:0], nil
	}
	own, other := &c.groups[ownLimits], &c.groups[otherLimits]
	for r := range rows {
		lim := relay.At(limits, r)
		if lim == nil {
			own.rows = append(own.rows, r)
			continue
		}
		if lim.A != nil || !f.AnyLimits || !f.start(c.first, lim) {
			c.behind.Hand(rows, r, lim, nil, false)
			continue
		}
		other.make(c.batch, f.Size)
		other.b.SetRow(len(other.rows), c.first.Rho)
		_, _, l, _ := f.p.Resolve(lim)
		other.rows, other.lower = append(other.rows, r), append(other.lower, l)
	}
	for x := range c.groups {
		g := &c.groups[x]
		if g.b != nil {
			g.b.Rows = len(g.rows)
			clear(g.b.Z)
		}
	}
	if len(own.rows) > 0 {
		copy(own.b.Rho, c.begin)
	}
}

func (c *chain) Next(lo, hi []float64) error {
	if c.entity >= len(c.s.f.All) {
		panic(relay.BadEntity)
	}
	for x := range c.groups {
		g := &c.groups[x]
		if len(g.rows) == 0 {
			continue
		}
		c.setBase(g)
		crossed := g.pieces[c.entity].Eval(g.b, g.col)
		g.col = nil
		if crossed {
			c.uncross(g)
		}
		if g.endpoints[c.entity].ill {
			c.handOverIll(g)
		}
		if len(g.rows) == c.rows {
			copy(lo[:c.rows], g.b.Lo)
			copy(hi[:c.rows], g.b.Hi)
			break
		}
		for slot, r := range g.rows {
			if !c.behind.Gone[r] {
				lo[r], hi[r] = g.b.Lo[slot], g.b.Hi[slot]
			}
		}
	}
	return c.behind.Next(lo, hi)
}

// setBase writes what the endpoints of the next entity are counted from.
func (c *chain) setBase(g *group) {
	f, i := c.s.f, c.entity
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
	e := &g.endpoints[c.entity]
	for slot, r := range g.rows {
		if c.behind.Gone[r] || !(g.b.Lo[slot] > g.b.Hi[slot]) {
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
	e := &g.endpoints[c.entity]
	for slot, r := range g.rows {
		if c.behind.Gone[r] {
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
	r := g.rows[slot]
	g.b.Z[slot] = 0
	prefix := c.rho[:c.entity]
	for i := range prefix {
		prefix[i] = c.prefix[i*c.batch+r]
	}
	c.behind.Hand(c.rows, r, relay.At(c.limits, r), prefix, outside)
}

func (c *chain) Fix(a []float64) {
	f, i := c.s.f, c.entity
	c.entity++
	a = a[:c.rows]
	copy(c.prefix[i*c.batch:], a)
	c.behind.Fix(a)
	for x := range c.groups {
		g := &c.groups[x]
		if len(g.rows) == 0 {
			continue
		}
		b := g.b
		if len(g.rows) == c.rows && c.behind.Count == 0 {
			c.fixAll(g, a)
		} else {
			for slot, r := range g.rows {
				if c.behind.Gone[r] {
					continue
				}
				v := a[r]
				if !(v >= b.Lo[slot] && v <= b.Hi[slot]) && relay.Outside(v, b.Lo[slot], b.Hi[slot]) {
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
		if !(v >= lo[r] && v <= hi[r]) && relay.Outside(v, lo[r], hi[r]) {
			c.hand(g, r, true)
		}
	}
}

// Handed returns the rows that another method answers.
func (c *chain) Handed() *relay.Handover { return &c.behind }
