package interval

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"paspo/lp"
)

// clpSolver answers batches by a pool of goroutines, each with a Simplex of its
// own.
type clpSolver struct {
	m       *clpModel
	hands   int // goroutines
	jobs    chan *clpChain
	workers sync.WaitGroup
	close   sync.Once
}

func newCLPSolver(ctx context.Context, p *lp.Polytope, tolerance float64, workers int) (lp.Solver, error) {
	s := &clpSolver{m: newCLPModel(ctx, p), hands: workers, jobs: make(chan *clpChain, workers)}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	first := newCLPWorker(s.m, tolerance)
	w, err := first.interval(&query{prefix: make([]float64, s.m.n), b: s.m.form.B, f: s.m.form.F, l: s.m.form.L, u: s.m.form.U, own: true})
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
			worker = newCLPWorker(s.m, tolerance)
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

func (s *clpSolver) Polytope() *lp.Polytope { return s.m.p }

func (s *clpSolver) Method() string { return "clp" }

// Close ends the goroutines of the pool.
func (s *clpSolver) Close() error {
	s.close.Do(func() { close(s.jobs) })
	s.workers.Wait()
	return nil
}

func (s *clpSolver) Chain(batch int) lp.Chain {
	n := s.m.n
	c := &clpChain{s: s, rows: make([]clpRow, batch)}
	store := make([]float64, 4*n*batch)
	take := func() []float64 {
		v := store[:n:n]
		store = store[n:]
		return v
	}
	for r := range c.rows {
		c.rows[r] = clpRow{query: query{prefix: take(), given: take()}, atLow: take(), atUpper: take()}
	}
	return c
}

// clpChain is a batch in flight. Its rows are handed out to the workers by a
// counter.
type clpChain struct {
	s      *clpSolver
	rows   []clpRow
	size   int
	entity int
	lo, hi []float64

	next    atomic.Int64
	pending sync.WaitGroup
}

type clpRow struct {
	query
	lo, hi         float64
	atLow, atUpper []float64
	skip           bool // answered elsewhere
	proved         bool // atLow and atUpper are witnesses of lo and hi
	err            error
	size           []float64 // of entities

	// Of a state with a matrix of its own: its polytope, and a worker for its
	// programs once one was needed.
	state  *lp.Polytope
	worker *clpWorker
}

func (c *clpChain) Begin(rows int, limits []lp.Limits) {
	if rows > len(c.rows) || limits != nil && len(limits) < rows {
		panic(badBatch)
	}
	c.follow(rows)
	for r := range rows {
		c.take(r, at(limits, r), nil, false)
	}
}

func (c *clpChain) follow(rows int) {
	c.size, c.entity = rows, 0
	for r := range rows {
		c.rows[r].skip = true
	}
}

func (c *clpChain) take(r int, lim *lp.Limits, prefix []float64, _ bool) {
	c.entity = len(prefix)
	row := &c.rows[r]
	row.skip = false
	row.begin(c.s.m.p, lim)
	for _, a := range prefix {
		row.fix(a)
	}
}

func (row *clpRow) begin(p *lp.Polytope, lim *lp.Limits) {
	row.entity, row.known, row.proved, row.excess, row.err, row.own = 0, false, false, 0, nil, true
	row.state, row.worker, row.size = nil, nil, p.Sizes()
	row.b, row.f, row.l, row.u = p.Resolve(lim)
	if lim == nil {
		return
	}
	row.own = false
	if lim.A != nil && !p.HullOnly() {
		row.state = p.Under(lim)
	}
	if err := p.CheckLimits(lim); err != nil {
		row.err = fmt.Errorf("lp: %w", err)
	}
}

func (c *clpChain) Next(lo, hi []float64) error {
	if c.entity >= c.s.m.n {
		panic(badEntity)
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
func (c *clpChain) work(w *clpWorker) {
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

func (row *clpRow) answer(w *clpWorker) {
	row.lo, row.hi = math.NaN(), math.NaN()
	if row.err != nil {
		return
	}
	if row.state != nil {
		if row.worker == nil {
			row.worker = newCLPWorker(newCLPModel(context.Background(), row.state), w.tolerance)
		}
		w = row.worker
	}
	found, err := w.interval(&row.query)
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

func (c *clpChain) Fix(a []float64) {
	for r := range c.size {
		if row := &c.rows[r]; !row.skip {
			row.fix(a[r])
		}
	}
	c.entity++
}

func (row *clpRow) fix(a float64) {
	i := row.entity
	row.prefix[i] = a
	row.entity++
	if row.err != nil {
		return
	}
	row.known = false
	if !(math.Abs(a) <= lp.MaxAmount) {
		row.err = &lp.InfeasibleError{Entity: i + 1, Amount: math.NaN()}
		return
	}
	if !(a >= row.l[i] && a <= row.u[i]) {
		scale := max(row.size[i], math.Abs(a))
		row.excess = max(row.excess, (row.l[i]-a)/scale, (a-row.u[i])/scale)
	}
	if !row.proved || !(a >= row.lo && a <= row.hi) {
		return
	}
	combine(row.given, row.prefix, row.atLow, row.atUpper, i)
	row.known = true
}
