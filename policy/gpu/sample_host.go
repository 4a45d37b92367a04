//go:build gpu

package gpu

import (
	"errors"
	"runtime"
	"sync"
	"unsafe"

	"paspo/cuda"
	"paspo/lp"
)

// rowsPerWorker is about the smallest number of rows that a goroutine is started for.
const rowsPerWorker = 64

// hostSampler decodes rows whose intervals the host computes. For every entity the device
// evaluates the head while the chains compute intervals, and then draws.
type hostSampler struct {
	chains map[*Backend][]*hostChain
	active []*hostChain
}

// hostChain computes intervals for one goroutine's share of the rows of a job.
type hostChain struct {
	chain lp.Chain
	size  int // largest number of rows of the chain

	job       *batchJob
	rows      []int // of the job
	limits    []lp.Limits
	lo, hi, a []float64
	err       error
}

// run decodes the given rows.
func (h *hostSampler) run(s *sampler, all []rowRange) error {
	b, n := &s.batch, s.p.layout.Entities
	h.share(all)
	given, err := s.p.staging.take(16 * b.rows)
	if err != nil {
		return err
	}
	chosen, err := s.p.staging.take(8 * b.rows)
	if err != nil {
		return err
	}
	endpoints, values := floatsIn(given), floatsIn(chosen)
	clear(endpoints)

	if len(b.onDevice) > 0 {
		if err := b.retile(all); err != nil {
			return err
		}
	}
	a := s.args
	a.Draw = -1
	a.From, a.To = 0, s.layers.heads[1]
	if err := s.launch(&a); err != nil {
		return err
	}
	h.each(func(c *hostChain) { c.begin() })
	for i := range n {
		h.each(func(c *hostChain) { c.next(endpoints) })
		h.setErrors()
		if err := s.p.stream.CopyIn(b.base+cuda.Ptr(b.args.Given), given); err != nil {
			return err
		}
		a := s.args
		a.Draw = int64(i)
		if i == n-1 {
			a.Finish = 1
		}
		if err := s.launch(&a); err != nil {
			return err
		}
		if err := s.p.stream.CopyOut(chosen, b.base+cuda.Ptr(b.args.Chosen)); err != nil {
			return err
		}
		if err := s.p.stream.Sync(); err != nil {
			return err
		}
		if i+1 < s.p.layout.Heads {
			a := s.args
			a.Draw, a.From, a.To = -1, s.layers.heads[i+1], s.layers.heads[i+2]
			if err := s.launch(&a); err != nil {
				return err
			}
		}
		h.each(func(c *hostChain) { c.fix(values) })
	}
	return nil
}

// share divides the rows of each job among chains, at most one a CPU.
func (h *hostSampler) share(all []rowRange) {
	if h.chains == nil {
		h.chains = map[*Backend][]*hostChain{}
	}
	h.active = h.active[:0]
	for k := 0; k < len(all); {
		job := all[k].job
		var rows []int
		for ; k < len(all) && all[k].job == job; k++ {
			for r := all[k].from; r < all[k].to; r++ {
				rows = append(rows, r)
			}
		}
		workers := min(runtime.GOMAXPROCS(0), (len(rows)+rowsPerWorker-1)/rowsPerWorker)
		own := h.chains[job.g]
		for w := range workers {
			if w == len(own) {
				own = append(own, &hostChain{})
			}
			c := own[w]
			c.job, c.rows = job, rows[w*len(rows)/workers:(w+1)*len(rows)/workers]
			if size := len(c.rows); size > c.size {
				c.size = max(size, 2*c.size)
				c.chain = job.g.Solver.Chain(c.size)
				c.lo, c.hi, c.a = make([]float64, c.size), make([]float64, c.size), make([]float64, c.size)
			}
			h.active = append(h.active, c)
		}
		h.chains[job.g] = own
	}
}

// each calls f for all chains, in parallel.
func (h *hostSampler) each(f func(c *hostChain)) {
	if len(h.active) == 1 {
		f(h.active[0])
		return
	}
	var wait sync.WaitGroup
	limit := make(chan struct{}, runtime.GOMAXPROCS(0))
	for _, c := range h.active {
		limit <- struct{}{}
		wait.Go(func() {
			defer func() { <-limit }()
			f(c)
		})
	}
	wait.Wait()
}

// setErrors gives every job the error of the first of its chains that failed.
func (h *hostSampler) setErrors() {
	for _, c := range h.active {
		if c.err != nil && c.job.err == nil {
			c.job.err = c.err
		}
	}
}

func (c *hostChain) begin() {
	c.err = nil
	var limits []lp.Limits
	if all := c.job.req.Limits; all != nil {
		c.limits = c.limits[:0]
		for _, r := range c.rows {
			c.limits = append(c.limits, all[r])
		}
		limits = c.limits
	}
	c.chain.Begin(len(c.rows), limits)
}

// next writes the endpoints of the intervals of the next entity, two a row. After an error of its
// job they are 0 and are not used.
func (c *hostChain) next(endpoints []float64) {
	if c.job.err == nil {
		c.err = c.chain.Next(c.lo[:len(c.rows)], c.hi[:len(c.rows)])
		var e *lp.InfeasibleError
		if errors.As(c.err, &e) {
			e.Row = c.rows[e.Row]
		}
	}
	failed := c.job.err != nil || c.err != nil
	for i, r := range c.rows {
		lo, hi := c.lo[i], c.hi[i]
		if failed {
			lo, hi = 0, 0
		}
		k := 2 * (c.job.first + r)
		endpoints[k], endpoints[k+1] = lo, hi
	}
}

func (c *hostChain) fix(values []float64) {
	if c.job.err != nil {
		return
	}
	for i, r := range c.rows {
		c.a[i] = values[c.job.first+r]
	}
	c.chain.Fix(c.a[:len(c.rows)])
}

// floatsIn returns the memory of b as float64.
func floatsIn(b []byte) []float64 { return unsafe.Slice((*float64)(unsafe.Pointer(&b[0])), len(b)/8) }
