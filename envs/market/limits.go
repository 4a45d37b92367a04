package market

import (
	"paspo/envs"
	"paspo/lp"
	"paspo/lp/relax"
)

// Limits computes the limits of one state after another. It is used by one goroutine at a time.
type Limits struct {
	held       *relax.Held // nil where limits do not follow the state
	h          []float64
	lim        lp.Limits
	relaxation float64
}

// Limits returns what computes the limits of states.
func (p *Problem) Limits() *Limits {
	if p.held == nil {
		return &Limits{}
	}
	return &Limits{held: p.held.New(), h: make([]float64, len(p.asset))}
}

// At returns the limits at holdings h, nil where they do not follow them, and by how much
// they had to relax. They are valid until the next call.
func (l *Limits) At(h []float64) (lim *lp.Limits, relaxation float64) {
	if l.held == nil {
		return nil, 0
	}
	copy(l.h, h)
	l.lim = lp.Limits{}
	l.relaxation = l.held.Limits(l.h, &l.lim)
	return &l.lim, l.relaxation
}

// Limited is one copy of the environment whose limits count from what is held. It is an
// envs.Relaxer.
type Limited struct {
	*Env
	limits *Limits
}

// Limits implements envs.Limiter.
func (e *Limited) Limits(lim *lp.Limits) {
	l, _ := e.limits.At(e.holdings)
	*lim = *l
}

// Relaxation implements envs.Relaxer.
func (e *Limited) Relaxation() float64 { return e.limits.relaxation }

// Following implements envs.Follower.
func (p *Problem) Following() []string {
	if p.held == nil {
		return nil
	}
	return []string{envs.LimitB, envs.LimitHoldings}
}

// ObsLimiter implements envs.ObservedLimits.
func (p *Problem) ObsLimiter() envs.ObsLimiter {
	if p.held == nil {
		return nil
	}
	l := p.Limits()
	return func(obs []float64, lim *lp.Limits) {
		at, _ := l.At(obs[:len(l.h)])
		*lim = *at
	}
}

// Relaxed implements envs.ObservedRelaxer.
func (p *Problem) Relaxed(lim *lp.Limits) float64 {
	if p.held == nil {
		return 0
	}
	return p.held.Relaxed(lim)
}
