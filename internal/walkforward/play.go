package walkforward

import (
	"fmt"
	"math"
	"slices"

	"paspo/envs"
	"paspo/envs/market"
	"paspo/lp"
)

// Decide chooses an allocation for period t, at holdings h and within limits that follow
// them, nil where none do. It must modify neither. It sees returns before t and no others,
// periods x assets.
type Decide func(t int, h []float64, lim *lp.Limits, before [][]float64) ([]float64, error)

// Track is what a policy has done, period by period.
type Track struct {
	Policy   string
	Log      []float64   // logarithmic growth of the wealth, after costs
	Held     [][]float64 // before trading
	Bought   [][]float64 // allocations
	Turnover []float64   // sum of what was bought and sold, cash left out, as a share of the wealth
	Costs    []float64   // of trading and of borrowing, as a share of the wealth

	MaxResidual float64
	Violations  int

	Relaxed       int     // periods whose limits no allocation satisfied at what was held, so that they were relaxed
	MaxRelaxation float64 // as a share of the wealth
	RelaxedFirst  bool    // the first period is among them
}

// Player plays policies on returns of the assets of a problem, from all in cash on, or from
// equal shares where there is none.
type Player struct {
	problem *market.Problem
	returns [][]float64
}

// start returns the holdings before the first period.
func (p *Player) start() []float64 {
	entities := p.problem.Spec().Polytope.Entities()
	h := make([]float64, len(entities))
	for i, name := range entities {
		if name == market.Cash {
			clear(h)
			h[i] = 1
			return h
		}
		h[i] = 1 / float64(len(entities))
	}
	return h
}

// play goes on with a track through periods from..to-1, at holdings h.
func (p *Player) play(track *Track, h []float64, from, to int, decide Decide) error {
	polytope := p.problem.Spec().Polytope
	entities := polytope.Entities()
	limits := p.problem.Limits()
	for t := from; t < to; t++ {
		lim, relaxation := limits.At(h)
		if relaxation > 0 {
			track.Relaxed++
			track.RelaxedFirst = track.RelaxedFirst || len(track.Log) == 0
			track.MaxRelaxation = max(track.MaxRelaxation, relaxation)
		}
		a, err := decide(t, h, lim, p.returns[:t:t])
		if err != nil {
			return fmt.Errorf("%s, period %d: %w", track.Policy, t, err)
		}
		residual := polytope.Residual(a, lim)
		track.MaxResidual = max(track.MaxResidual, residual)
		if !(residual <= envs.Violation) {
			track.Violations++
		}
		f := market.Remainder(h, a, p.problem.Costs())
		turnover := 0.
		for i, name := range entities {
			if name != market.Cash {
				turnover += math.Abs(f*a[i] - h[i])
			}
		}
		track.Held = append(track.Held, slices.Clone(h))
		left, growth := p.problem.Grow(h, a, p.returns[t])
		track.Log = append(track.Log, math.Log(left*growth))
		track.Bought = append(track.Bought, append([]float64(nil), a...))
		track.Turnover = append(track.Turnover, turnover)
		track.Costs = append(track.Costs, 1-left+left*p.problem.Borrowing(a))
	}
	return nil
}

// track plays a policy through periods from..to-1.
func (p *Player) track(name string, from, to int, decide Decide) (*Track, error) {
	t := &Track{Policy: name, MaxResidual: math.Inf(-1)}
	return t, p.play(t, p.start(), from, to, decide)
}

// allocator makes a policy that reads observations decide.
func (p *Player) allocator(a envs.Allocator) Decide {
	dim := p.problem.Spec().ObsDim
	back := p.problem.Config().Lookback
	step := 0
	return func(t int, h []float64, lim *lp.Limits, before [][]float64) ([]float64, error) {
		var seen []float64
		for _, row := range before[t-back:] {
			seen = append(seen, row...)
		}
		obs, action := make([]float64, dim), make([]float64, len(h))
		p.problem.Observe(h, seen, obs)
		at := envs.States{Rows: 1, Step: step, Obs: obs}
		if lim != nil {
			at.Limits = []lp.Limits{*lim}
		}
		err := a(&at, action)
		step++
		return action, err
	}
}
