package lp

import (
	"errors"
	"math"
	"sync"
)

// explicitSolver answers from the closed form. What the closed form does not
// cover goes to the linear programs: limits that it was not compiled for, limits
// that may be empty, and prefixes that left the intervals it answered.
type explicitSolver struct {
	f   *explicit
	cfg SolverConfig

	mu       sync.Mutex
	programs *clpSolver
	failed   error
}

func newExplicitSolver(p *Polytope, cfg SolverConfig) (*explicitSolver, error) {
	f, err := compile(p, cfg)
	if err != nil {
		return nil, err
	}
	return &explicitSolver{f: f, cfg: cfg}, nil
}

func (s *explicitSolver) Polytope() *Polytope { return s.f.p }

func (s *explicitSolver) Method() string { return "explicit" }

func (s *explicitSolver) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.programs == nil {
		return nil
	}
	return s.programs.Close()
}

// fallback returns the pool, which starts when it is first needed.
func (s *explicitSolver) fallback() (*clpSolver, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.programs == nil && s.failed == nil {
		s.programs, s.failed = newCLPSolver(s.f.p, s.cfg)
	}
	return s.programs, s.failed
}

func (s *explicitSolver) Chain(batch int) Chain {
	n := s.f.p.Dim()
	return &explicitChain{
		s: s, batch: batch, rho: make([]float64, batch*s.f.size), prefix: make([]float64, batch*n),
		lo: make([]float64, batch), hi: make([]float64, batch), slow: make([]bool, batch), lower: make([][]float64, batch),
		own: make([]bool, batch),
	}
}

type explicitChain struct {
	s      *explicitSolver
	batch  int
	rows   int
	entity int
	limits []Limits

	rho    []float64 // rows x size
	prefix []float64 // rows x n
	lo, hi []float64 // what Next answered
	lower  [][]float64
	own    []bool // under the polytope's own limits

	// Rows that the linear programs answer.
	slow     []bool
	slows    int
	programs *clpChain
	err      error
}

func (c *explicitChain) Begin(rows int, limits []Limits) {
	if rows > c.batch || limits != nil && len(limits) < rows {
		panic(badBatch)
	}
	c.rows, c.entity, c.limits, c.slows, c.err = rows, 0, limits, 0, nil
	f := c.s.f
	for r := range rows {
		c.slow[r] = false
		c.lower[r] = f.floor
		if c.own[r] = limits == nil || limits[r].own(); c.own[r] {
			copy(c.rho[r*f.size:(r+1)*f.size], f.begin)
			continue
		}
		p, lim := f.p, &limits[r]
		b, e, l, u := orElse(lim.B, p.b), orElse(lim.E, p.f), orElse(lim.Lower, p.l), orElse(lim.Upper, p.u)
		if len(b) != len(p.b) || len(e) != len(p.f) || len(l) != len(p.l) || len(u) != len(p.u) {
			panic(badLength)
		}
		if !f.anyLimits || !f.start(c.rho[r*f.size:(r+1)*f.size], b, e, l, u) {
			c.leave(r)
			continue
		}
		c.lower[r] = l
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
	row := &c.programs.rows[r]
	var lim *Limits
	if c.limits != nil {
		lim = &c.limits[r]
	}
	row.begin(c.s.f.p, lim)
	n := c.s.f.p.Dim()
	for _, a := range c.prefix[r*n : r*n+c.entity] {
		row.fix(a)
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
	for r := range c.rows {
		if c.slow[r] {
			continue
		}
		e := &f.ends[i]
		if c.own[r] {
			e = &f.own[i]
		}
		rho := c.rho[r*f.size : (r+1)*f.size]
		l, u := e.interval(rho)
		if l > u {
			at, theta := e.relaxed(rho)
			if theta > crossTol {
				c.leave(r)
				continue
			}
			l, u = at, at
		}
		if f.side == "dual" && !f.free[i] {
			base := c.lower[r][i]
			l += base
			u += base
		}
		c.lo[r], c.hi[r] = l, u
		lo[r], hi[r] = l, u
	}
	if c.err != nil {
		return c.err
	}
	if c.slows == 0 {
		return nil
	}
	return c.nextSlow(lo, hi)
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
	i, n := c.entity, f.p.Dim()
	c.entity++
	for r := range c.rows {
		c.prefix[r*n+i] = a[r]
		if c.slow[r] {
			c.programs.rows[r].fix(a[r])
			continue
		}
		const eps = 1e-14
		x := a[r]
		if !(x >= c.lo[r]-eps*max(1, math.Abs(x)) && x <= c.hi[r]+eps*max(1, math.Abs(x))) {
			c.leave(r)
			continue
		}
		f.fix(c.rho[r*f.size:(r+1)*f.size], i, x, c.lower[r][i])
	}
}

// isBudget reports whether the closed form was refused for its size.
func isBudget(err error) bool {
	var b *BudgetError
	return errors.As(err, &b)
}
