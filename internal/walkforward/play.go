package walkforward

import (
	"fmt"
	"math"

	"paspo/envs"
	"paspo/envs/market"
)

// Decide chooses an allocation for period t, at holdings h, which it must not modify. It sees
// returns before t and no others, periods x assets.
type Decide func(t int, h []float64, before [][]float64) ([]float64, error)

// Track is what a policy has done, period by period.
type Track struct {
	Policy   string
	Log      []float64   // logarithmic growth of the wealth, after costs
	Bought   [][]float64 // allocations
	Turnover []float64   // sum of what was bought and sold, cash left out, as a share of the wealth
	Costs    []float64   // as a share of the wealth

	MaxResidual float64
	Violations  int
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
	for t := from; t < to; t++ {
		a, err := decide(t, h, p.returns[:t:t])
		if err != nil {
			return fmt.Errorf("%s, period %d: %w", track.Policy, t, err)
		}
		residual := polytope.Residual(a, nil)
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
		left, growth := p.problem.Grow(h, a, p.returns[t])
		track.Log = append(track.Log, math.Log(left*growth))
		track.Bought = append(track.Bought, append([]float64(nil), a...))
		track.Turnover = append(track.Turnover, turnover)
		track.Costs = append(track.Costs, 1-left)
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
	return func(t int, h []float64, before [][]float64) ([]float64, error) {
		var seen []float64
		for _, row := range before[t-back:] {
			seen = append(seen, row...)
		}
		obs, action := make([]float64, dim), make([]float64, len(h))
		p.problem.Observe(h, seen, obs)
		err := a(&envs.States{Rows: 1, Step: step, Obs: obs}, action)
		step++
		return action, err
	}
}
