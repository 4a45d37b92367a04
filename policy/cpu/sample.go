package cpu

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"

	"paspo/internal/blas"
	"paspo/internal/finite"
	"paspo/internal/ops"
	"paspo/lp"
	"paspo/policy"
	"paspo/policy/internal/network"
)

const (
	// shardRows is the number of rows that are decoded together.
	shardRows = blas.MaxRows

	// maxResidual is the largest residual of an action that is returned.
	maxResidual = 1e-9
)

// decoder samples actions, shard by shard. A row's action depends on its
// observation, limits and stream alone: neither on the other rows nor on the
// number of goroutines.
type decoder struct {
	c *Backend

	workers []*worker
	jobs    chan *worker
	done    chan struct{}

	// These are of the present request.
	req  *policy.Request
	out  *policy.Samples
	next atomic.Int64 // the shard to decode next
	errs []error      // one a shard
}

// worker decodes one shard at a time.
type worker struct {
	d       *decoder
	pass    *blas.Pass
	chain   lp.Chain
	drawing blas.Drawing

	lo, hi, a []float64 // interval and amount of one entity, one a row
	logits    []float32 // of all heads, rows x heads x 2
	terms     []float32 // log-probabilities and entropies, rows x 2
	nFixed    int       // number of the heads' intervals that were fixed in a request
}

func (d *decoder) init(c *Backend) {
	d.c = c
}

func (d *decoder) close() {
	if d.jobs != nil {
		close(d.jobs)
		d.jobs = nil
	}
	d.workers = nil
}

// startWorkers makes workers until there are n. All but the first have a goroutine.
func (d *decoder) startWorkers(n int) {
	for len(d.workers) < n {
		w := &worker{
			d: d, pass: d.c.net.NewPass(), chain: d.c.Solver.Chain(shardRows),
			lo: make([]float64, shardRows), hi: make([]float64, shardRows), a: make([]float64, shardRows),
			logits: make([]float32, shardRows*2*d.c.Heads), terms: make([]float32, shardRows*2),
		}
		d.workers = append(d.workers, w)
		if len(d.workers) == 1 {
			continue
		}
		if d.jobs == nil {
			d.jobs, d.done = make(chan *worker), make(chan struct{})
		}
		go func(jobs <-chan *worker, done chan<- struct{}) {
			for w := range jobs {
				w.work()
				done <- struct{}{}
			}
		}(d.jobs, d.done)
	}
}

// Sample implements Backend. An action with a residual above 1e-9 is an error that names the
// constraint.
func (c *Backend) Sample(req *policy.Request, out *policy.Samples) error {
	if err := req.Check(c.ObsDim(), c.Polytope()); err != nil {
		return err
	}
	n := req.Rows
	c.Resize(out, n)
	out.FixedShare, out.MaxResidual = 0, network.NoResidual
	if n == 0 {
		return nil
	}
	if req.Learn {
		c.normalizer.Update(req.Obs)
	}
	c.obs = slices.Grow(c.obs[:0], len(req.Obs))[:len(req.Obs)]
	if err := c.normalizer.Apply(c.obs, req.Obs); err != nil {
		return err
	}
	if err := c.decoder.run(req, out); err != nil {
		return err
	}
	if req.Keep {
		c.keep(req, out)
	}
	return nil
}

func (d *decoder) run(req *policy.Request, out *policy.Samples) error {
	shards := (req.Rows + shardRows - 1) / shardRows
	d.req, d.out = req, out
	d.errs = slices.Grow(d.errs[:0], shards)[:shards]
	clear(d.errs)
	d.next.Store(0)

	n := min(shards, runtime.GOMAXPROCS(0))
	d.startWorkers(n)
	for _, w := range d.workers[1:n] {
		d.jobs <- w
	}
	d.workers[0].work()
	for range n - 1 {
		<-d.done
	}
	d.req, d.out = nil, nil

	fixed := 0
	for _, w := range d.workers[:n] {
		fixed += w.nFixed
	}
	if d.c.Heads > 0 {
		out.FixedShare = float64(fixed) / float64(req.Rows*d.c.Heads)
	}
	for _, r := range out.Residual {
		out.MaxResidual = max(out.MaxResidual, r)
	}
	for _, err := range d.errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// work decodes shards until all are taken.
func (w *worker) work() {
	w.nFixed = 0
	for {
		s := int(w.d.next.Add(1)) - 1
		from := s * shardRows
		if from >= w.d.req.Rows {
			return
		}
		w.d.errs[s] = w.decode(from, min(shardRows, w.d.req.Rows-from))
	}
}

// decode samples the actions of the rows from .. from+rows-1.
func (w *worker) decode(from, rows int) error {
	c, req, out := w.d.c, w.d.req, w.d.out
	l := c.Layout
	n := l.Entities
	var limits []lp.Limits
	if req.Limits != nil {
		limits = req.Limits[from : from+rows]
	}
	prefix := out.Prefix[from*n : (from+rows)*n]
	w.pass.Begin(c.params, rows, c.obs[from*l.Obs:(from+rows)*l.Obs], out.Value[from:from+rows])
	w.chain.Begin(rows, limits)
	lo, hi, a := w.lo[:rows], w.hi[:rows], w.a[:rows]

	heads := c.Heads
	at, to := from*heads, (from+rows)*heads
	q := &w.drawing
	q.Rule, q.Fixed, q.Total = int(req.Rule), c.Config.FixedWidth*c.Total, c.Total
	q.Prefix, q.Logits, q.Alpha, q.Beta = prefix, w.logits, out.Alpha[at:to], out.Beta[at:to]
	q.LogX, q.Log1mX, q.LogWidth, q.Mask = out.LogX[at:to], out.Log1mX[at:to], out.LogWidth[at:to], out.Mask[at:to]
	if req.Rule == policy.Sampled {
		for r, s := range req.Streams[from : from+rows] {
			q.Streams.Key[r], q.Streams.ID[r], q.Streams.Drawn[r] = s.State()
		}
		defer func() {
			for r, s := range req.Streams[from : from+rows] {
				s.SetDrawn(q.Streams.Drawn[r])
			}
		}()
	}

	for i := range n {
		if err := w.chain.Next(lo, hi); err != nil {
			return inRow(err, from)
		}
		if i < heads {
			if r := w.pass.Draw(c.params, i, rows, q, w.lo, w.hi, w.a); r >= 0 {
				return &policy.NonFiniteError{Tensor: fmt.Sprintf("the distribution of %s, Beta(%g, %g),",
					c.Polytope().Entities()[i], q.Alpha[r*heads+i], q.Beta[r*heads+i]), Step: c.opt.Step}
			}
		}
		for r := range rows {
			switch {
			case i >= heads:
				a[r] = middle(lo[r], hi[r])
			case q.Mask[r*heads+i] == 0:
				w.nFixed++
			}
			k := (from+r)*n + i
			out.Actions[k], out.Lower[k], out.Upper[k] = a[r], lo[r], hi[r]
			prefix[r*n+i] = float32(a[r] / c.Total)
		}
		w.chain.Fix(a)
	}

	// Log-probabilities and entropies are computed from the stored float32, as in training.
	if !finite.All(out.LogX[at:to]) || !finite.All(out.Log1mX[at:to]) || !finite.All(out.LogWidth[at:to]) {
		return &policy.NonFiniteError{Tensor: "the logarithms of a sample", Step: c.opt.Step}
	}
	ops.EvalBetaTerms(c.Shape, rows, heads, w.logits, out.LogX[at:to], out.Log1mX[at:to], out.LogWidth[at:to], out.Mask[at:to], w.terms, nil)
	for r := range rows {
		row := from + r
		out.LogProb[row], out.Entropy[row] = w.terms[2*r], w.terms[2*r+1]
		var lim *lp.Limits
		if limits != nil {
			lim = &limits[r]
		}
		action := out.Actions[row*n : (row+1)*n]
		out.Residual[row] = c.Polytope().Residual(action, lim)
		if !(out.Residual[row] <= maxResidual) {
			res, name := c.Polytope().WorstConstraint(action, lim)
			return fmt.Errorf("policy: the action of row %d leaves the polytope: %s is violated by a scaled %.3g, more than %g", row, name, res, maxResidual)
		}
	}
	return nil
}

// middle returns the middle of an interval, the amount of a fixed entity.
func middle(lo, hi float64) float64 { return min(max(lo+(hi-lo)/2, lo), hi) }

// inRow adds the first row of the shard to the row that an error names, so that it counts
// rows of the request.
func inRow(err error, from int) error {
	var e *lp.InfeasibleError
	if errors.As(err, &e) {
		e.Row += from
	}
	return err
}
