package relay

import (
	"math"
	"sync"

	"paspo/lp"
)

// Solver is a method that can stand behind another one.
type Solver interface {
	lp.Solver

	// Taker returns the same as Chain, as what takes rows of another chain.
	Taker(batch int) Taker
}

// Taker is a chain that rows of another one can be handed over to in the middle of an
// action. Its other rows are left alone: Next and Fix do not touch them.
type Taker interface {
	lp.Chain

	// Most is how many rows a batch can have.
	Most() int

	// Asked is the entity whose interval is asked for. It panics where none is left.
	Asked() int

	// BeginEmpty begins a batch of rows of which none is its own.
	BeginEmpty(rows int)

	// Take makes row r its own. The prefix is that of all rows at the time. outside says
	// that its last entity is outside of the interval that was answered.
	Take(r int, lim *lp.Limits, prefix []float64, outside bool)
}

// Successor is the solver behind another one. It starts when it is first needed.
type Successor struct {
	open func() (Solver, error)

	mu     sync.Mutex
	solver Solver
	err    error
}

// NewSuccessor returns the solver that open makes when it is first needed.
func NewSuccessor(open func() (Solver, error)) Successor { return Successor{open: open} }

// Ready returns a successor that has started.
func Ready(s Solver) Successor { return Successor{solver: s} }

func (s *Successor) get() (Solver, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.solver == nil && s.err == nil {
		s.solver, s.err = s.open()
	}
	return s.solver, s.err
}

// Started returns the solver if it was needed, else nil.
func (s *Successor) Started() Solver {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.solver
}

func (s *Successor) Close() error {
	if started := s.Started(); started != nil {
		return started.Close()
	}
	return nil
}

// Begin has a chain take all rows of a new batch.
func Begin(c Taker, rows int, limits []lp.Limits) {
	CheckBatch(c.Most(), rows, limits)
	c.BeginEmpty(rows)
	for r := range rows {
		c.Take(r, At(limits, r), nil, false)
	}
}

// CheckBatch panics where a batch is larger than a chain is for, or lacks limits.
func CheckBatch(most, rows int, limits []lp.Limits) {
	if rows > most || limits != nil && len(limits) < rows {
		panic("lp: bad number of rows")
	}
}

// Outside reports whether a is outside of the interval by more than rounding, as a NaN and
// an infinity always are.
func Outside(a, lo, hi float64) bool { return !(a >= lo && a <= hi) && farOutside(a, lo, hi) }

func farOutside(a, lo, hi float64) bool {
	tol := 1e-14 * max(1, math.Abs(a))
	return !(a >= lo-tol && a <= hi+tol && a-a == 0)
}

// At returns the limits of row r, nil where they are the polytope's own.
func At(limits []lp.Limits, r int) *lp.Limits {
	if limits == nil || limits[r].Own() {
		return nil
	}
	return &limits[r]
}
