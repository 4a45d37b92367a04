package lp

import (
	"math"

	"paspo/lp/internal/pieces"
)

func (s *explicitSolver) Chain(batch int) Chain {
	f := s.f
	return &explicitChain{
		s: s, b: pieces.NewBatch(batch, f.size), prefix: make([]float64, batch*f.p.Dim()),
		slow: make([]bool, batch), own: make([]bool, batch), lower: make([][]float64, batch),
		batch: batch, rho: make([]float64, f.size),
	}
}

type explicitChain struct {
	s      *explicitSolver
	batch  int
	rows   int
	entity int
	limits []Limits

	b      *pieces.Batch
	col    []float64 // of the entity that was fixed last
	prefix []float64 // n x batch

	// Under the polytope's own limits fewer pieces do.
	own   []bool
	owns  int
	lower [][]float64 // that z is counted from, of the other rows

	// Rows that the linear programs answer.
	slow     []bool
	slows    int
	programs *clpChain
	err      error

	rho []float64 // of one row
}

func (c *explicitChain) Begin(rows int, limits []Limits) {
	if rows > c.batch || limits != nil && len(limits) < rows {
		panic(badBatch)
	}
	c.rows, c.entity, c.limits, c.owns, c.slows, c.err = rows, 0, limits, rows, 0, nil
	f := c.s.f
	c.b.Rows, c.col = rows, nil
	c.b.Fill(f.begin)
	clear(c.b.Z)
	clear(c.slow)
	for r := range c.own {
		c.own[r] = true
	}
	if limits == nil {
		return
	}
	for r := range rows {
		if limits[r].own() {
			continue
		}
		c.own[r] = false
		c.owns--
		p, lim := f.p, &limits[r]
		b, e, l, u := orElse(lim.B, p.b), orElse(lim.E, p.f), orElse(lim.Lower, p.l), orElse(lim.Upper, p.u)
		if len(b) != len(p.b) || len(e) != len(p.f) || len(l) != len(p.l) || len(u) != len(p.u) {
			panic(badLength)
		}
		c.lower[r] = l
		if !f.anyLimits || !f.start(c.rho, b, e, l, u) {
			c.leave(r)
			continue
		}
		c.b.SetRow(r, c.rho)
	}
}

// own reports whether the limits are the polytope's own.
func (l *Limits) own() bool {
	return l.B == nil && l.E == nil && l.Lower == nil && l.Upper == nil
}

// leave hands row r over to the linear programs, with the prefix it has.
func (c *explicitChain) leave(r int) {
	if c.slow[r] || c.err != nil {
		return
	}
	if c.programs == nil {
		s, err := c.s.fallback()
		if err != nil {
			c.err = err
			return
		}
		c.programs = s.Chain(c.batch).(*clpChain)
	}
	c.slow[r] = true
	c.slows++
	c.b.Z[r] = 0
	row := &c.programs.rows[r]
	var lim *Limits
	if c.limits != nil {
		lim = &c.limits[r]
	}
	row.begin(c.s.f.p, lim)
	for i := range c.entity {
		row.fix(c.prefix[i*c.batch+r])
	}
}

// crossTol is the largest amount by which all limits may have to give for the
// ends of an interval to meet and the closed form to answer it.
const crossTol = 1e-11

func (c *explicitChain) Next(lo, hi []float64) error {
	f := c.s.f
	if c.entity >= len(f.ends) {
		panic(badEntity)
	}
	i := c.entity
	c.setBase()
	crossed := false
	switch c.owns {
	case c.rows:
		crossed = f.needed[i].Eval(c.b, c.col)
	case 0:
		crossed = f.all[i].Eval(c.b, c.col)
	default:
		// What a row gets depends on its own limits alone.
		for r := range c.rows {
			p := f.all[i]
			if c.own[r] {
				p = f.needed[i]
			}
			crossed = p.EvalRow(c.b, c.col, r) || crossed
		}
	}
	c.col = nil
	if crossed {
		c.uncross()
	}
	if c.err != nil {
		return c.err
	}
	if c.slows == 0 {
		copy(lo[:c.rows], c.b.Lo)
		copy(hi[:c.rows], c.b.Hi)
		return nil
	}
	for r := range c.rows {
		if !c.slow[r] {
			lo[r], hi[r] = c.b.Lo[r], c.b.Hi[r]
		}
	}
	return c.nextSlow(lo, hi)
}

// setBase writes what the ends of the next entity are counted from.
func (c *explicitChain) setBase() {
	f, i := c.s.f, c.entity
	base := 0.
	if f.side == "dual" && !f.free[i] {
		base = f.floor[i] + 0 // not -0
	}
	b := c.b.Base
	for r := range b {
		b[r] = base
	}
	if c.owns == c.rows || f.side != "dual" || f.free[i] {
		return
	}
	for r := range c.rows {
		if !c.own[r] {
			b[r] = c.lower[r][i] + 0
		}
	}
}

// uncross answers rows whose ends cross: by rounding, or else by linear programs.
func (c *explicitChain) uncross() {
	f, i := c.s.f, c.entity
	for r := range c.rows {
		if c.slow[r] || !(c.b.Lo[r] > c.b.Hi[r]) {
			continue
		}
		e := &f.ends[i]
		if c.own[r] {
			e = &f.own[i]
		}
		c.b.Row(c.rho[:e.stride], r)
		at, theta := e.relaxed(c.rho)
		if theta > crossTol {
			c.leave(r)
			continue
		}
		at += c.b.Base[r]
		c.b.Lo[r], c.b.Hi[r] = at, at
	}
}

// nextSlow answers the rows that left.
func (c *explicitChain) nextSlow(lo, hi []float64) error {
	p := c.programs
	for r := range c.rows {
		p.rows[r].skip = !c.slow[r]
	}
	p.size, p.entity = c.rows, c.entity
	return p.Next(lo, hi)
}

func (c *explicitChain) Fix(a []float64) {
	f := c.s.f
	i := c.entity
	c.entity++
	a = a[:c.rows]
	copy(c.prefix[i*c.batch:], a)
	b := c.b
	for r, x := range a {
		if c.slow[r] {
			c.programs.rows[r].fix(x)
			continue
		}
		if !(x >= b.Lo[r] && x <= b.Hi[r]) {
			const eps = 1e-14
			if tol := eps * max(1, math.Abs(x)); !(x >= b.Lo[r]-tol && x <= b.Hi[r]+tol) {
				c.leave(r)
				continue
			}
		}
		b.Z[r] = x - b.Base[r]
	}
	if f.side == "dual" {
		c.col = f.cols[i]
	} else if i+1 < f.size {
		copy(b.Rho[(i+1)*b.Ld:], b.Z[:c.rows])
	}
}
