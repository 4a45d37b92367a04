package interval

import (
	"errors"
	"slices"

	"paspo/lp"
	"paspo/lp/interval/relay"
	"paspo/lp/interval/warm"
)

// termSolver answers for a polytope with convex terms by a solver of the lifted one, whose
// first entities are its own. The parts of terms come last and are never asked for. Where
// entities can be split in columns, a dual simplex goes along every action first, and
// what it does not prove is left to the solver.
type termSolver struct {
	p *lp.Polytope // with terms
	lp.Solver
	columns *warm.Split // nil where they do not serve
}

func (s *termSolver) Polytope() *lp.Polytope { return s.p }

func (s *termSolver) Method() string {
	if s.columns != nil {
		return "simplex"
	}
	return s.Solver.Method()
}

func (s *termSolver) Chain(batch int) lp.Chain {
	if s.columns == nil {
		return s.lifted(batch)
	}
	return &splitChain{s: s, rows: make([]splitRow, batch)}
}

// lifted returns a chain of the solver behind. Bases that were optimal seldom serve again among
// so many: as a matrix of the state its rows are answered by a dual simplex.
func (s *termSolver) lifted(batch int) *termChain {
	c := &termChain{Chain: s.Solver.Chain(batch), p: s.p, batch: batch}
	if s.Solver.Method() == "lazy" {
		c.matrix, _, _ = s.p.Lifted().Inequalities()
	}
	return c
}

// splitChain answers its rows one after another in the goroutine that asks.
type splitChain struct {
	s      *termSolver
	rows   []splitRow
	limits []lp.Limits
	size   int
	entity int
}

// splitRow is an action, which the solver behind answers once columns do not.
type splitRow struct {
	columns *warm.SplitRow // nil until it is needed
	behind  *termChain     // of one row, nil until it is needed
	away    bool
	lo, hi  [1]float64
}

func (c *splitChain) Begin(rows int, limits []lp.Limits) {
	relay.CheckBatch(len(c.rows), rows, limits)
	c.size, c.entity, c.limits = rows, 0, limits
	for x := range rows {
		row := &c.rows[x]
		if row.columns == nil {
			row.columns = c.s.columns.NewRow()
		}
		row.away = false
		if !row.columns.Begin(relay.At(limits, x)) {
			c.leave(x)
		}
	}
}

// leave has the solver behind go on with a row. What it finds infeasible in the prefix it
// says of the next entity.
func (c *splitChain) leave(x int) {
	row := &c.rows[x]
	row.away = true
	if row.behind == nil {
		row.behind = c.s.lifted(1)
	}
	var limits []lp.Limits
	if c.limits != nil {
		limits = c.limits[x : x+1]
	}
	row.behind.Begin(1, limits)
	for _, a := range row.columns.Prefix() {
		_ = row.behind.Next(row.lo[:], row.hi[:])
		row.behind.Fix([]float64{a})
	}
}

func (c *splitChain) Next(lo, hi []float64) error {
	if c.entity >= c.s.p.Dim() {
		panic(relay.BadEntity)
	}
	var first error
	for x := range c.size {
		row := &c.rows[x]
		if !row.away {
			if row.columns.Answer() {
				lo[x], hi[x] = row.columns.Lo, row.columns.Hi
				continue
			}
			c.leave(x)
		}
		err := row.behind.Next(row.lo[:], row.hi[:])
		lo[x], hi[x] = row.lo[0], row.hi[0]
		if e := (*lp.InfeasibleError)(nil); errors.As(err, &e) {
			e.Row = x
		}
		if first == nil {
			first = err
		}
	}
	return first
}

func (c *splitChain) Fix(a []float64) {
	c.entity++
	for x := range c.size {
		row := &c.rows[x]
		if row.away {
			row.behind.Fix(a[x : x+1])
		} else if !row.columns.Fix(a[x]) {
			c.leave(x)
		}
	}
}

type termChain struct {
	lp.Chain
	p      *lp.Polytope
	batch  int
	entity int

	matrix []float64 // that states without one take, nil for none
	each   []lp.TermLimits
	limits []lp.Limits
}

func (c *termChain) Begin(rows int, limits []lp.Limits) {
	c.entity = 0
	if limits == nil && c.matrix == nil || rows > c.batch || limits != nil && len(limits) < rows {
		c.Chain.Begin(rows, limits)
		return
	}
	if c.each == nil {
		c.each, c.limits = make([]lp.TermLimits, c.batch), make([]lp.Limits, c.batch)
	}
	for r := range rows {
		c.limits[r] = lp.Limits{}
		if limits != nil {
			c.limits[r] = *c.each[r].Lift(c.p, &limits[r])
		}
		if c.limits[r].A == nil {
			c.limits[r].A = c.matrix
		}
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
