package interval

import (
	"math"
	"sync"

	"paspo/lp"
)

// successor is the solver behind another one. It starts when it is first needed.
type successor struct {
	open func() (lp.Solver, error)

	mu     sync.Mutex
	solver lp.Solver
	err    error
}

// newSuccessor returns the solver that open makes when it is first needed.
func newSuccessor(open func() (lp.Solver, error)) successor { return successor{open: open} }

func (s *successor) get() (lp.Solver, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.solver == nil && s.err == nil {
		s.solver, s.err = s.open()
	}
	return s.solver, s.err
}

// started returns the solver if it was needed, else nil.
func (s *successor) started() lp.Solver {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.solver
}

func (s *successor) close() error {
	if started := s.started(); started != nil {
		return started.Close()
	}
	return nil
}

// follower is a chain that rows of another one can be handed to in the middle of an
// action. Its other rows are left alone: Next and Fix do not touch them.
type follower interface {
	lp.Chain

	// follow begins a batch of rows of which none is its own.
	follow(rows int)

	// take makes row r its own. The prefix is that of all rows at the time. strayed
	// says that its last entity left the interval that was answered.
	take(r int, lim *lp.Limits, prefix []float64, strayed bool)
}

// handover is what of a batch was handed to the chain of the solver behind.
type handover struct {
	to    *successor
	batch int

	chain follower
	gone  []bool
	count int
	err   error // the solver behind did not start
}

func newHandover(to *successor, batch int) handover {
	return handover{to: to, batch: batch, gone: make([]bool, batch)}
}

// strays reports whether a leaves the interval by more than rounding, as a NaN and an
// infinity always do.
func strays(a, lo, hi float64) bool {
	tol := 1e-14 * max(1, math.Abs(a))
	return !(a >= lo-tol && a <= hi+tol && a-a == 0)
}

// begin starts a batch of which nothing is handed over.
func (h *handover) begin() {
	if h.count > 0 {
		clear(h.gone)
	}
	h.count, h.err = 0, nil
}

// hand passes on row r of a batch of rows.
func (h *handover) hand(rows, r int, lim *lp.Limits, prefix []float64, strayed bool) {
	if h.gone[r] || h.err != nil {
		return
	}
	if h.chain == nil {
		s, err := h.to.get()
		if err != nil {
			h.err = err
			return
		}
		h.chain = s.Chain(h.batch).(follower)
	}
	if h.count == 0 {
		h.chain.follow(rows)
	}
	h.gone[r] = true
	h.count++
	h.chain.take(r, lim, prefix, strayed)
}

// next answers the rows that were handed over.
func (h *handover) next(lo, hi []float64) error {
	if h.err != nil || h.count == 0 {
		return h.err
	}
	return h.chain.Next(lo, hi)
}

// fix takes the entity that next answered to a. It comes before hand.
func (h *handover) fix(a []float64) {
	if h.count > 0 {
		h.chain.Fix(a)
	}
}

// at returns the limits of row r, nil where they are the polytope's own.
func at(limits []lp.Limits, r int) *lp.Limits {
	if limits == nil || limits[r].Own() {
		return nil
	}
	return &limits[r]
}

// hander is a chain that hands rows over.
type hander interface {
	handed() *handover
}
