package stress

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"paspo/lp"
)

// Tally counts what a solver did.
type Tally struct {
	Polytopes int
	Refused   int // beyond the budget of the closed form
	Queries   int // intervals
	Actions   int
	Seconds   float64 // to make solvers and to answer

	// Failures. An interval that was wrong counts where exact arithmetic looked.
	Typed    int // InfeasibleError of a prefix that was chosen inside intervals, or EmptyError of a solver
	Untyped  int // any other error
	Malform  int // NaN, or ends that cross, without an error
	Wrong    int // by exact arithmetic
	Residual int // actions with a scaled residual above 1e-9
	Panics   int

	Audited       int     // intervals that exact arithmetic looked at
	MaxResidual   float64 // of an action
	MaxDifference float64 // from CLP, scaled
	Differs       int     // intervals that differ from CLP's by more than a scaled 1e-9

	// Of these: the one that is the exact interval to a scaled 1e-9, both where the
	// limits are so steep that they are twice that apart, and none. Where nothing has
	// the prefix exactly there is no exact interval.
	DiffersRight, DiffersWrong, DiffersBoth, DiffersNone, DiffersVoid int

	Example string `json:",omitempty"` // of the first failure
}

// Failures counts all failures but typed errors.
func (t *Tally) Failures() int { return t.Untyped + t.Malform + t.Wrong + t.Residual + t.Panics }

func (t *Tally) example(format string, args ...any) {
	if t.Example == "" {
		t.Example = fmt.Sprintf(format, args...)
	}
}

// Trial completes actions on p with every method and judges the intervals. The
// first method must be clp, which the others are compared with. On each row one
// method leads: all get the actions that are chosen in its intervals. One interval
// in audit is judged even where all agree.
func Trial(p *lp.Polytope, methods []string, tallies map[string]*Tally, rows, audit int, r *rand.Rand) {
	var all []*contender
	for _, m := range methods {
		t := tallies[m]
		t.Polytopes++
		c := &contender{p: p, t: t}
		if c.open(m, rows) {
			all = append(all, c)
			defer c.close()
		}
	}
	if len(all) == 0 {
		return
	}
	n := p.Dim()
	actions, chosen := make([][]float64, rows), make([]float64, rows)
	leader := make([]*contender, rows)
	for row := range rows {
		leader[row] = all[r.IntN(len(all))]
	}
	for i := range n {
		for _, c := range all {
			c.next(i)
		}
		for row := range rows {
			if leader[row] == nil {
				chosen[row] = math.NaN()
				continue
			}
			judge(p, all, actions[row], row, r.IntN(audit) == 0)
			l := leader[row]
			if !l.good(row) {
				leader[row], chosen[row] = nil, math.NaN()
				continue
			}
			chosen[row] = choose(r, l.lo[row], l.hi[row])
			actions[row] = append(actions[row], chosen[row])
		}
		for _, c := range all {
			c.fix(chosen)
		}
	}
	for row, a := range actions {
		l := leader[row]
		if l == nil {
			continue
		}
		l.t.Actions++
		res, name := p.WorstConstraint(a, nil)
		l.t.MaxResidual = max(l.t.MaxResidual, res)
		if !(res <= agree) {
			l.t.Residual++
			l.t.example("%s violated by %g: %v", name, res, a)
		}
	}
}

// choose takes an end, a point close to one, or any.
func choose(r *rand.Rand, lo, hi float64) float64 {
	s := r.Float64()
	switch r.IntN(6) {
	case 0:
		return lo
	case 1:
		return hi
	case 2:
		s = math.Pow(10, -16*r.Float64())
	case 3:
		s = 1 - math.Pow(10, -16*r.Float64())
	}
	return min(max(lo+(hi-lo)*s, lo), hi)
}

// judge compares the answers for one row.
func judge(p *lp.Polytope, all []*contender, prefix []float64, row int, audit bool) {
	var clp *contender
	right := map[*contender]bool{}
	rightful := func(c *contender) bool {
		v, known := right[c]
		if !known {
			v = Right(p, prefix, c.lo[row], c.hi[row])
			right[c] = v
			c.t.Audited++
			if !v {
				c.t.Wrong++
				c.t.example("[%v, %v] after %v", c.lo[row], c.hi[row], prefix)
			}
		}
		return v
	}
	for _, c := range all {
		if c.dead(row) {
			continue
		}
		c.t.Queries++
		if !c.good(row) {
			c.fail(row)
			continue
		}
		if c.method == "clp" {
			clp = c
		}
		if audit {
			rightful(c)
		}
		if clp == nil || c == clp {
			continue
		}
		d := difference(clp.lo[row], clp.hi[row], c.lo[row], c.hi[row])
		c.t.MaxDifference = max(c.t.MaxDifference, d)
		if d <= agree {
			continue
		}
		c.t.Differs++
		rightful(c)
		rightful(clp)
		lo, hi, ok := lp.ExactInterval(p, prefix, nil, 0)
		us := difference(lo, hi, c.lo[row], c.hi[row]) <= agree
		them := difference(lo, hi, clp.lo[row], clp.hi[row]) <= agree
		switch {
		case !ok:
			c.t.DiffersVoid++
		case us && them:
			c.t.DiffersBoth++
		case us:
			c.t.DiffersRight++
		case them:
			c.t.DiffersWrong++
		default:
			c.t.DiffersNone++
		}
	}
}

// contender is a solver with its answers for the entity at hand. A row is dead
// after a failure.
type contender struct {
	p      *lp.Polytope
	t      *Tally
	method string
	solver lp.Solver
	chain  lp.Chain
	lo, hi []float64
	deads  []bool
	err    error
	gone   bool // panicked
}

// open makes the solver. It reports whether there is one.
func (c *contender) open(method string, rows int) (ok bool) {
	defer c.caught()
	defer c.timed(time.Now())
	c.method = method
	cfg := lp.DefaultSolverConfig()
	cfg.Method, cfg.Workers = method, 1
	s, err := lp.NewSolver(c.p, cfg)
	var budget *lp.BudgetError
	var empty *lp.EmptyError
	switch {
	case errors.As(err, &budget):
		c.t.Refused++
		return false
	case errors.As(err, &empty):
		c.t.Typed++
		c.t.example("no solver: %v", err)
		return false
	case err != nil:
		c.t.Untyped++
		c.t.example("no solver: %v", err)
		return false
	}
	c.solver, c.chain = s, s.Chain(rows)
	c.lo, c.hi, c.deads = make([]float64, rows), make([]float64, rows), make([]bool, rows)
	c.chain.Begin(rows, nil)
	return true
}

func (c *contender) close() {
	if c.solver != nil {
		c.solver.Close()
	}
}

func (c *contender) caught() {
	if v := recover(); v != nil {
		c.gone = true
		c.t.Panics++
		c.t.example("panic: %v", v)
	}
}

func (c *contender) timed(start time.Time) { c.t.Seconds += time.Since(start).Seconds() }

func (c *contender) next(i int) {
	if c.gone {
		return
	}
	defer c.caught()
	defer c.timed(time.Now())
	for row := range c.lo {
		c.lo[row], c.hi[row] = math.NaN(), math.NaN()
	}
	c.err = c.chain.Next(c.lo, c.hi)
}

func (c *contender) fix(a []float64) {
	if c.gone {
		return
	}
	defer c.caught()
	for row, v := range a {
		c.deads[row] = c.deads[row] || v != v
	}
	c.chain.Fix(a)
}

func (c *contender) dead(row int) bool { return c.gone || c.deads[row] }

func (c *contender) good(row int) bool { return !c.dead(row) && c.lo[row] <= c.hi[row] }

// fail counts a row without an interval. Next tells of one error of many rows:
// others are taken to be of its kind.
func (c *contender) fail(row int) {
	c.deads[row] = true
	var inf *lp.InfeasibleError
	switch {
	case errors.As(c.err, &inf):
		c.t.Typed++
		c.t.example("%v", c.err)
	case c.err != nil:
		c.t.Untyped++
		c.t.example("%v", c.err)
	default:
		c.t.Malform++
		c.t.example("[%v, %v] without an error", c.lo[row], c.hi[row])
	}
}
