package clp

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"paspo/lp"
	"paspo/lp/interval/relay"
)

// solver answers batches by a pool of goroutines, each with a Simplex of its
// own.
type solver struct {
	m       *model
	hands   int // goroutines
	jobs    chan *chain
	workers sync.WaitGroup
	close   sync.Once
}

func New(ctx context.Context, p *lp.Polytope, tolerance float64, workers int) (lp.Solver, error) {
	s := &solver{m: newModel(ctx, p), hands: workers, jobs: make(chan *chain, workers)}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	first := newWorker(s.m, tolerance)
	w, err := first.interval(&relay.Query{Prefix: make([]float64, s.m.n), B: s.m.form.B, F: s.m.form.F, L: s.m.form.L, U: s.m.form.U, Own: true})
	if err != nil {
		return nil, err
	}
	s.m.first = &witnesses{lo: w.lo, hi: w.hi}
	if w.atLow != nil {
		s.m.first.atLow = append([]float64(nil), w.atLow...)
		s.m.first.atUpper = append([]float64(nil), w.atUpper...)
	}
	s.workers.Add(workers)
	for i := range workers {
		worker := first
		if i > 0 {
			worker = newWorker(s.m, tolerance)
		}
		go func() {
			defer s.workers.Done()
			for c := range s.jobs {
				c.work(worker)
				c.pending.Done()
			}
		}()
	}
	return s, nil
}

func (s *solver) Polytope() *lp.Polytope { return s.m.p }

func (s *solver) Method() string { return "clp" }

// Close ends the goroutines of the pool.
func (s *solver) Close() error {
	s.close.Do(func() { close(s.jobs) })
	s.workers.Wait()
	return nil
}

func (s *solver) Chain(batch int) lp.Chain {
	n := s.m.n
	c := &chain{s: s, rows: make([]action, batch)}
	store := make([]float64, 4*n*batch)
	take := func() []float64 {
		v := store[:n:n]
		store = store[n:]
		return v
	}
	for r := range c.rows {
		c.rows[r] = action{Query: relay.Query{Prefix: take(), Given: take()}, atLow: take(), atUpper: take()}
	}
	return c
}

// chain is a batch in flight. Its rows are handed out to the workers by a
// counter.
type chain struct {
	s      *solver
	rows   []action
	size   int
	entity int
	lo, hi []float64

	next    atomic.Int64
	pending sync.WaitGroup
}

type action struct {
	relay.Query
	lo, hi         float64
	atLow, atUpper []float64
	skip           bool // answered elsewhere
	proved         bool // atLow and atUpper are witnesses of lo and hi
	err            error
	size           []float64 // of entities

	// Of a state with a matrix of its own: its polytope, and a worker for its
	// programs once one was needed.
	state  *lp.Polytope
	worker *worker
}

func (c *chain) Begin(rows int, limits []lp.Limits) { relay.Begin(c, len(c.rows), rows, limits) }

func (c *chain) Follow(rows int) {
	c.size, c.entity = rows, 0
	for r := range rows {
		c.rows[r].skip = true
	}
}

func (c *chain) Take(r int, lim *lp.Limits, prefix []float64, _ bool) {
	c.entity = len(prefix)
	row := &c.rows[r]
	row.skip = false
	row.begin(c.s.m.p, lim)
	for _, a := range prefix {
		row.fix(a)
	}
}

func (row *action) begin(p *lp.Polytope, lim *lp.Limits) {
	row.Entity, row.Known, row.proved, row.Excess, row.err, row.Own = 0, false, false, 0, nil, true
	row.state, row.worker, row.size = nil, nil, p.Sizes()
	row.B, row.F, row.L, row.U = p.Resolve(lim)
	if lim == nil {
		return
	}
	row.Own = false
	if lim.A != nil && !p.HullOnly() {
		row.state = p.Under(lim)
	}
	if err := p.CheckLimits(lim); err != nil {
		row.err = fmt.Errorf("lp: %w", err)
	}
}

func (c *chain) Next(lo, hi []float64) error {
	if c.entity >= c.s.m.n {
		panic(relay.BadEntity)
	}
	c.lo, c.hi = lo[:c.size], hi[:c.size]
	c.next.Store(0)
	hands := min(c.s.hands, c.size)
	c.pending.Add(hands)
	for range hands {
		c.s.jobs <- c
	}
	c.pending.Wait()
	for r := range c.size {
		if err := c.rows[r].err; err != nil && !c.rows[r].skip {
			var inf *lp.InfeasibleError
			if errors.As(err, &inf) && inf.Row != r {
				inf.Row = r
			}
			return err
		}
	}
	return nil
}

// work answers rows until none is left.
func (c *chain) work(w *worker) {
	for {
		r := int(c.next.Add(1)) - 1
		if r >= c.size {
			return
		}
		row := &c.rows[r]
		if row.skip {
			continue
		}
		row.answer(w)
		c.lo[r], c.hi[r] = row.lo, row.hi
	}
}

func (row *action) answer(w *worker) {
	row.lo, row.hi = math.NaN(), math.NaN()
	if row.err != nil {
		return
	}
	if row.state != nil {
		if row.worker == nil {
			row.worker = newWorker(newModel(context.Background(), row.state), w.tolerance)
		}
		w = row.worker
	}
	found, err := w.interval(&row.Query)
	if err != nil {
		row.err = err
		return
	}
	row.lo, row.hi = found.lo, found.hi
	if row.proved = found.atLow != nil; row.proved {
		copy(row.atLow, found.atLow)
		copy(row.atUpper, found.atUpper)
	}
}

func (c *chain) Fix(a []float64) {
	for r := range c.size {
		if row := &c.rows[r]; !row.skip {
			row.fix(a[r])
		}
	}
	c.entity++
}

func (row *action) fix(a float64) {
	i := row.Entity
	row.Prefix[i] = a
	row.Entity++
	if row.err != nil {
		return
	}
	row.Known = false
	if !(math.Abs(a) <= lp.MaxAmount) {
		row.err = &lp.InfeasibleError{Entity: i + 1, Amount: math.NaN()}
		return
	}
	if !(a >= row.L[i] && a <= row.U[i]) {
		scale := max(row.size[i], math.Abs(a))
		row.Excess = max(row.Excess, (row.L[i]-a)/scale, (a-row.U[i])/scale)
	}
	if !row.proved || !(a >= row.lo && a <= row.hi) {
		return
	}
	relay.Combine(row.Given, row.Prefix, row.atLow, row.atUpper, i)
	row.Known = true
}
