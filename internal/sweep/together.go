package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"paspo/internal/run/agent"
	"paspo/policy"
)

// mostTogether is how many trainings a worker on a GPU takes at a time, where they fit into
// its memory.
const mostTogether = 256

func (w *Sweep) together() int { return cmp.Or(w.Together, mostTogether) }

// checkWorker says whether the sweep trains on a GPU. A GPU that is not there, and a base that cannot be
// trained here, such as one whose Python module is missing, end the worker before it has taken
// anything: trainings that it took would fail, and others could have trained them.
func (w *Sweep) checkWorker(ctx context.Context) (onGPU bool, err error) {
	c, err := w.Spec.Config(w.fixed)
	if err != nil {
		return false, err
	}
	w.place(c)
	_, _, onGPU = c.GPU()
	if err := agent.CheckDevice(c); err != nil {
		return onGPU, err
	}
	a, err := opening(ctx, func() (*agent.Agent, error) { return agent.New(c) })
	if err != nil && errors.Is(err, ctx.Err()) {
		return onGPU, err
	}
	if err != nil {
		return onGPU, fmt.Errorf("%s: this worker cannot train the base: %w", w.Dir, err)
	}
	a.Close()
	return onGPU, nil
}

// OnGPU says whether the sweep asks for a GPU.
func (w *Sweep) OnGPU() bool {
	c, err := w.Spec.Config(w.fixed)
	if err != nil {
		return false
	}
	_, _, must := c.GPU()
	return must
}

// errTooMany gives a training back that does not fit beside others.
var errTooMany = errors.New("the device has no memory for it beside others")

var errNone = errors.New("the device has no memory for a training")

// trainTogether trains on one GPU what a worker has taken, networks of equal shapes in the
// same launches, and says in the journal what came of each. What does not fit into the
// memory of the device is given back; most is how many do. The error is one that ends the
// worker.
func (w *Sweep) trainTogether(ctx context.Context, p *pulse, claims []*claim) (most int, err error) {
	before := processorTime()
	all, err := opening(ctx, func() (*opened, error) { return w.openAll(claims), nil })
	if err != nil {
		for _, c := range claims {
			w.record(ctx, c, nil, 0, 0, err)
		}
		return 0, err
	}
	defer all.Close()
	runs, errs := all.runs, all.errs
	most = w.together()
	for _, err := range errs {
		if fit, ok := agent.Fitting(err, len(claims)); ok {
			most = min(most, fit)
		}
	}
	if most < len(claims) {
		for _, c := range claims {
			if err := w.record(ctx, c, nil, 0, 0, errTooMany); err != nil {
				return most, err
			}
		}
		if most == 0 {
			return 0, errNone
		}
		return most, nil
	}
	for _, r := range runs {
		if r != nil {
			if s, ok := r.Agent.Backend.(policy.Shared); ok {
				s.Join()
			}
		}
	}
	var mu sync.Mutex // of the journal and what follows
	steps := make([]int64, len(claims))
	var total int64
	for _, r := range runs {
		if r != nil {
			total += r.Agent.Config.Steps
		}
	}
	ends := make([]error, len(claims))
	var group sync.WaitGroup
	for i, c := range claims {
		group.Go(func() {
			var result *Result
			var step int64
			err := errs[i]
			if r := runs[i]; err == nil {
				halt := w.halts(p, c)
				result, step, err = w.goOnWith(ctx, r, c, func() error {
					mu.Lock()
					defer mu.Unlock()
					return halt()
				}, func(at int64) {
					mu.Lock()
					defer mu.Unlock()
					steps[i] = at
					var sum int64
					for _, n := range steps {
						sum += n
					}
					p.atSome(len(claims), w.RunDir(claims[0].setting, claims[0].seed), sum, total)
				})
				if s, ok := r.Agent.Backend.(policy.Shared); ok {
					s.Leave()
				}
			}
			mu.Lock()
			defer mu.Unlock()
			if fit, ok := agent.Fitting(err, len(claims)); ok {
				// Its first samples take memory, too.
				most, err = min(most, fit), errTooMany
			}
			now := processorTime()
			ends[i] = w.record(ctx, c, result, step, now-before, err)
			before = now
		})
	}
	group.Wait()
	if most == 0 {
		ends = append(ends, errNone)
	}
	return most, cmp.Or(ends...)
}

// opened are trainings that share a device, each nil where it has an error.
type opened struct {
	runs []*agent.Run
	errs []error
}

func (o *opened) Close() error {
	for _, r := range o.runs {
		if r != nil {
			r.Close()
		}
	}
	return nil
}

func (w *Sweep) openAll(claims []*claim) *opened {
	runs, errs := make([]*agent.Run, len(claims)), make([]error, len(claims))
	g := agent.NewGroup(len(claims))
	var group sync.WaitGroup
	for i, c := range claims {
		group.Go(func() {
			m := g.Member()
			defer m.Leave()
			runs[i], errs[i] = w.open(m, c, w.RunDir(c.setting, c.seed))
		})
	}
	group.Wait()
	return &opened{runs, errs}
}
