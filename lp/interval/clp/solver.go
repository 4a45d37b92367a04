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
	size    int // of the pool
	jobs    chan *chain
	workers sync.WaitGroup
	close   sync.Once
}

func New(ctx context.Context, p *lp.Polytope, tolerance float64, workers int) (relay.Solver, error) {
	s := &solver{m: newModel(ctx, p), size: workers, jobs: make(chan *chain, workers)}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	first := newWorker(s.m, tolerance)
	var empty relay.Action
	empty.Make(s.m.n)
	empty.Begin(p, nil)
	if err := first.interval(&empty); err != nil {
		return nil, err
	}
	s.m.first = &empty
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

func (s *solver) Chain(batch int) lp.Chain { return s.Taker(batch) }

func (s *solver) Taker(batch int) relay.Taker {
	c := &chain{Batch: relay.NewBatch(s.m.n, batch, nil), s: s, rows: make([]row, batch)}
	for r := range c.rows {
		c.rows[r].Make(s.m.n)
	}
	return c
}

// chain is a batch in flight. Its rows are handed out to the workers by a
// counter.
type chain struct {
	relay.Batch
	s      *solver
	rows   []row
	lo, hi []float64

	next    atomic.Int64
	pending sync.WaitGroup
}

type row struct {
	relay.Action
	err error

	// state is the polytope of a state with a matrix of its own, and worker solves its
	// programs. It is nil until it is needed.
	state  *lp.Polytope
	worker *worker
}

func (c *chain) Begin(rows int, limits []lp.Limits) { relay.Begin(c, rows, limits) }

func (c *chain) Take(r int, lim *lp.Limits, prefix []float64, _ bool) {
	c.Batch.Take(r, lim, prefix)
	row := &c.rows[r]
	row.begin(c.s.m.p, lim)
	for _, a := range prefix {
		row.fix(a)
	}
}

func (r *row) begin(p *lp.Polytope, lim *lp.Limits) {
	r.Begin(p, lim)
	r.err, r.state, r.worker = nil, nil, nil
	if lim == nil {
		return
	}
	if lim.A != nil && !p.HullOnly() {
		r.state = p.Under(lim)
	}
	if err := p.CheckLimits(lim); err != nil {
		r.err = fmt.Errorf("lp: %w", err)
	}
}

func (c *chain) Next(lo, hi []float64) error {
	c.Asked()
	c.lo, c.hi = lo[:c.Size], hi[:c.Size]
	c.next.Store(0)
	workers := min(c.s.size, c.Size)
	c.pending.Add(workers)
	for range workers {
		c.s.jobs <- c
	}
	c.pending.Wait()
	for r := range c.Size {
		if err := c.rows[r].err; err != nil && !c.Away[r] {
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
		if r >= c.Size {
			return
		}
		if c.Away[r] {
			continue
		}
		row := &c.rows[r]
		row.answer(w)
		c.lo[r], c.hi[r] = row.Lo, row.Hi
	}
}

func (r *row) answer(w *worker) {
	r.Lo, r.Hi = math.NaN(), math.NaN()
	if r.err != nil {
		return
	}
	if r.state != nil {
		if r.worker == nil {
			r.worker = newWorker(newModel(context.Background(), r.state), w.tolerance)
		}
		w = r.worker
	}
	r.err = w.interval(&r.Action)
}

func (c *chain) Fix(a []float64) {
	c.Batch.Fix(a)
	for r := range c.Size {
		if !c.Away[r] {
			c.rows[r].fix(a[r])
		}
	}
}

func (r *row) fix(a float64) {
	if r.err == nil && !(math.Abs(a) <= lp.MaxAmount) {
		r.err = &lp.InfeasibleError{Entity: r.Entity + 1, Amount: math.NaN()}
	}
	r.Fix(a)
}
