package compute

import (
	"fmt"
	"math"

	"paspo/envs"
	"paspo/envs/internal/bounds"
	"paspo/lp"
)

const (
	// CappedName is the name of the compute benchmark with caps that follow the
	// queues.
	CappedName = "compute-capped"

	// DefaultQueueHalf is its setting where none is given, in ms.
	DefaultQueueHalf = 0.2
)

// Capped is one copy of the compute benchmark with caps that follow the
// queues. It is an envs.Relaxer.
type Capped struct {
	*Env
	*bounds.Bounds
}

func (p *Problem) addCaps() (err error) {
	p.caps, err = bounds.New(p.spec.Polytope, func(int) bool { return false }, func(int) bool { return true })
	p.spec.Name = CappedName
	if p.relative {
		return err // which observes the queues already
	}
	p.queueAt = p.spec.ObsDim
	p.spec.ObsDim += len(p.hz)
	for i := range p.hz {
		p.spec.ObsNames = append(p.spec.ObsNames, fmt.Sprintf("server %d queue (ms)", i))
	}
	return err
}

// follow returns the caps of queues q.
func (p *Problem) follow(q []float64) *bounds.Bounds {
	return p.caps.Follow(func(lo, hi []float64) {
		for i, x := range q {
			lo[i], hi[i] = math.Inf(-1), p.half/(p.half+x)
		}
	})
}

// ObsLimiter implements ObservedLimits.
func (p *Problem) ObsLimiter() envs.ObsLimiter {
	if p.caps == nil {
		return nil
	}
	m := len(p.hz)
	q := make([]float64, m)
	f := p.follow(q)
	return func(obs []float64, lim *lp.Limits) {
		copy(q, obs[p.queueAt:])
		f.Moved(nil)
		f.Limits(lim)
	}
}

// fastestFirst returns FastestFirst within the limits of every state.
func (p *Problem) fastestFirst() (envs.Allocator, error) {
	if p.caps == nil {
		a, err := p.FastestFirst()
		return envs.Constant(a), err
	}
	c := p.fastestCosts()
	return envs.EachRow(func(s *envs.States, row int, action []float64) error {
		a, _, err := p.spec.Polytope.Minimize(c, s.Limit(row))
		copy(action, a)
		return err
	}), nil
}
