package stress

import (
	"fmt"
	"math"

	"paspo/lp"
	"paspo/lp/interval"
)

// contender is a solver with its answers for the entity at hand. A row is dead after a
// failure.
type contender struct {
	*Tally
	p      *lp.Polytope
	method string
	solver lp.Solver
	chain  lp.Chain
	lo, hi []float64
	dead   []bool
	err    error
	gone   bool // panicked
}

func (c *contender) open(rows int, limits []lp.Limits) (err error) {
	defer c.caught(&err)
	cfg := interval.DefaultConfig()
	cfg.Method, cfg.Workers, cfg.MaxEffort = c.method, 1, effort
	if c.solver, err = interval.New(c.p, cfg); err != nil {
		return err
	}
	c.chain = c.solver.Chain(rows)
	c.lo, c.hi, c.dead = make([]float64, rows), make([]float64, rows), make([]bool, rows)
	c.chain.Begin(rows, limits)
	return nil
}

func (c *contender) close() {
	if c.solver != nil {
		c.solver.Close()
	}
}

func (c *contender) caught(err *error) {
	if v := recover(); v != nil {
		c.gone = true
		*err = fmt.Errorf("panic: %v", v)
	}
}

func (c *contender) next() {
	if c.gone {
		return
	}
	for row := range c.lo {
		c.lo[row], c.hi[row] = math.NaN(), math.NaN()
	}
	defer c.caught(&c.err)
	c.err = c.chain.Next(c.lo, c.hi)
}

func (c *contender) fix(a []float64) {
	if c.gone {
		return
	}
	defer c.caught(&c.err)
	for row, v := range a {
		c.dead[row] = c.dead[row] || v != v
	}
	c.chain.Fix(a)
}

func (c *contender) good(row int) bool { return !c.gone && !c.dead[row] && c.lo[row] <= c.hi[row] }
