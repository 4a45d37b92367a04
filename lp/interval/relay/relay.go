package relay

import (
	"math"
	"sync"

	"paspo/lp"
)

// Successor is the solver behind another one. It starts when it is first needed.
type Successor struct {
	open func() (lp.Solver, error)

	mu     sync.Mutex
	solver lp.Solver
	err    error
}

// NewSuccessor returns the solver that open makes when it is first needed.
func NewSuccessor(open func() (lp.Solver, error)) Successor { return Successor{open: open} }

func (s *Successor) get() (lp.Solver, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.solver == nil && s.err == nil {
		s.solver, s.err = s.open()
	}
	return s.solver, s.err
}

// Started returns the solver if it was needed, else nil.
func (s *Successor) Started() lp.Solver {
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

// Follower is a chain that rows of another one can be handed to in the middle of an
// action. Its other rows are left alone: Next and Fix do not touch them.
type Follower interface {
	lp.Chain

	// Follow begins a batch of rows of which none is its own.
	Follow(rows int)

	// Take makes row r its own. The prefix is that of all rows at the time. outside says
	// that its last entity is outside of the interval that was answered.
	Take(r int, lim *lp.Limits, prefix []float64, outside bool)
}

// Begin has a chain take all rows of a new batch of at most so many.
func Begin(c Follower, most, rows int, limits []lp.Limits) {
	CheckBatch(most, rows, limits)
	c.Follow(rows)
	for r := range rows {
		c.Take(r, At(limits, r), nil, false)
	}
}

// Handover keeps which rows of a batch were handed to the chain of the solver behind.
type Handover struct {
	to    *Successor
	batch int

	Chain Follower
	Gone  []bool
	Count int
	err   error // the solver behind did not start
}

func NewHandover(to *Successor, batch int) Handover {
	return Handover{to: to, batch: batch, Gone: make([]bool, batch)}
}

// Outside reports whether a is outside of the interval by more than rounding, as a NaN and
// an infinity always are.
func Outside(a, lo, hi float64) bool {
	tol := 1e-14 * max(1, math.Abs(a))
	return !(a >= lo-tol && a <= hi+tol && a-a == 0)
}

// Begin starts a batch of which nothing is handed over.
func (h *Handover) Begin() {
	if h.Count > 0 {
		clear(h.Gone)
	}
	h.Count, h.err = 0, nil
}

// Hand passes on row r of a batch of rows.
func (h *Handover) Hand(rows, r int, lim *lp.Limits, prefix []float64, outside bool) {
	if h.Gone[r] || h.err != nil {
		return
	}
	if h.Chain == nil {
		s, err := h.to.get()
		if err != nil {
			h.err = err
			return
		}
		h.Chain = s.Chain(h.batch).(Follower)
	}
	if h.Count == 0 {
		h.Chain.Follow(rows)
	}
	h.Gone[r] = true
	h.Count++
	h.Chain.Take(r, lim, prefix, outside)
}

// Next answers the rows that were handed over.
func (h *Handover) Next(lo, hi []float64) error {
	if h.err != nil || h.Count == 0 {
		return h.err
	}
	return h.Chain.Next(lo, hi)
}

// Fix passes on the choices of the last entity. It is called before Hand.
func (h *Handover) Fix(a []float64) {
	if h.Count > 0 {
		h.Chain.Fix(a)
	}
}

// At returns the limits of row r, nil where they are the polytope's own.
func At(limits []lp.Limits, r int) *lp.Limits {
	if limits == nil || limits[r].Own() {
		return nil
	}
	return &limits[r]
}
