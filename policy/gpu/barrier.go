//go:build gpu

package gpu

import (
	"errors"
	"slices"

	"paspo/cuda"
	"paspo/policy"
)

// request is a request of an agent, a backend of the program.
type request struct {
	g     *Backend
	kind  requestKind
	job   *sampleJob
	state *policy.State
	err   error
	done  chan struct{}
}

type requestKind int

const (
	requestFlush requestKind = iota // run the queue of steps
	requestSample
	requestState
	requestSetState
)

// sampleJob is a policy.Request that was checked and has at least one row.
type sampleJob struct {
	g   *Backend
	req *policy.Request
	out *policy.Samples
	err error
}

// do serves a request: at once where its agent has not joined, else when all agents that have
// joined have made one.
func (p *program) do(r *request) error {
	p.mu.Lock()
	switch {
	case r.g.closed:
		p.mu.Unlock()
		return errors.New("policy: the backend is closed")
	case !r.g.joined:
		defer p.mu.Unlock()
		p.serve([]*request{r})
		return r.err
	}
	r.done = make(chan struct{})
	p.pending = append(p.pending, r)
	p.barrier()
	p.mu.Unlock()
	<-r.done
	return r.err
}

// barrier serves the pending requests once every agent that has joined has one.
func (p *program) barrier() {
	if len(p.pending) == 0 || len(p.pending) < p.joined {
		return
	}
	rs := p.pending
	p.pending = nil
	slices.SortFunc(rs, func(a, b *request) int { return a.g.index - b.g.index })
	p.serve(rs)
	for _, r := range rs {
		close(r.done)
	}
}

func (p *program) join(g *Backend) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !g.joined && !g.closed {
		g.joined = true
		p.joined++
	}
}

func (p *program) leave(g *Backend) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g.joined {
		g.joined = false
		p.joined--
		p.barrier()
	}
}

func (p *program) close(g *Backend) error {
	p.leave(g)
	p.mu.Lock()
	defer p.mu.Unlock()
	if g.closed {
		return nil
	}
	g.closed = true
	p.open--
	if p.open > 0 {
		return nil
	}
	return p.stop()
}

// serve serves requests together. An error of the device fails every one of them.
func (p *program) serve(rs []*request) {
	err := p.lost
	if err == nil {
		err = p.ctx.Do(func() error { return p.work(rs) })
	}
	if errors.Is(err, cuda.ErrLost) {
		p.lost = err
	}
	for _, r := range rs {
		if err != nil {
			r.err = err
		} else if r.job != nil {
			r.err = r.job.err
		}
	}
}

// work runs queued steps, then samples, then copies states. Samples and states see the steps.
func (p *program) work(rs []*request) (err error) {
	defer func() {
		if err != nil && !errors.Is(err, cuda.ErrLost) {
			// Copies may be under way.
			err = errors.Join(err, p.stream.Sync())
		}
		p.staging.reset()
	}()

	var steps []*Backend
	rows := 0
	for _, r := range rs {
		g := r.g
		keeps := r.kind == requestSample && r.job.req.Keep
		if keeps {
			rows = max(rows, r.job.req.At+r.job.req.Rows)
		}
		// Log-probabilities under the old policy are computed before this request changes the
		// parameters or the rows that the batch was loaded with.
		if len(g.count) > 0 || g.loading && (r.kind == requestSetState || keeps && g.batch.Kept()) {
			steps = append(steps, g)
		}
	}
	if len(steps) > 0 {
		if err := p.train(steps); err != nil {
			return err
		}
		p.staging.reset()
	}

	var jobs []*sampleJob
	for _, r := range rs {
		if r.job != nil {
			jobs = append(jobs, r.job)
		}
	}
	if len(jobs) > 0 {
		if err := p.reserve(rows, 0); err != nil {
			return err
		}
		if err := p.sampler.run(jobs); err != nil {
			return err
		}
		for _, j := range jobs {
			if g := j.g; j.req.Keep {
				g.displaced = g.batch != nil && !g.batch.Kept()
				if j.err == nil {
					g.kept = max(g.kept, j.req.At+j.req.Rows)
				}
			}
		}
	}
	return p.states(rs)
}
