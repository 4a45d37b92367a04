package portfolio

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"paspo/envs"
	"paspo/internal/rng"
	"paspo/lp"
)

// SimulatedPaths draws paths from the market model. Path i depends on the seed
// and on i alone.
func (p *Problem) SimulatedPaths(count int, seed uint64) []Path {
	return p.paths(count, func(i int, path *Path, scratch []float64) {
		r := rand.New(rng.New(seed, "portfolio", "paths").Split(uint64(i)))
		state := draw(r, p.market.start)
		p.market.sample(r, state, path.First, scratch)
		m := len(path.First)
		path.Returns = make([]float64, p.cfg.Decisions*m)
		for t := range p.cfg.Decisions {
			state = draw(r, p.market.transition[state])
			p.market.sample(r, state, path.Returns[t*m:(t+1)*m], scratch)
		}
	})
}

// BacktestPaths returns paths of the real months that differ in the month of
// the first observation, which is drawn from the market model.
func (p *Problem) BacktestPaths(count int, seed uint64) ([]Path, error) {
	if err := p.checkBacktest(); err != nil {
		return nil, fmt.Errorf("portfolio: %w", err)
	}
	return p.paths(count, func(i int, path *Path, scratch []float64) {
		r := rand.New(rng.New(seed, "portfolio", "backtest").Split(uint64(i)))
		p.market.sample(r, draw(r, p.market.start), path.First, scratch)
		path.Returns = p.backtest
	}), nil
}

func (p *Problem) paths(count int, fill func(i int, path *Path, scratch []float64)) []Path {
	m := len(p.market.assets)
	scratch := make([]float64, m)
	paths := make([]Path, count)
	for i := range paths {
		paths[i].First = make([]float64, m)
		fill(i, &paths[i], scratch)
	}
	return paths
}

// Outcome is what an allocator made of a number of paths.
type Outcome struct {
	envs.Outcome

	// Expected is, for every path, the sum over its months of a . E[r | history]
	// less fees: the return with most of the noise removed. Where paths come from
	// the market model its mean is the same.
	Expected []float64
}

// PlayPaths plays all paths side by side, path i in row i.
func (p *Problem) PlayPaths(paths []Path, a envs.Allocator) (*Outcome, error) {
	if len(paths) == 0 {
		return nil, errors.New("envs: no paths to play")
	}
	rows, dim, n := len(paths), p.spec.ObsDim, p.polytope.Dim()
	out := &Outcome{*envs.NewOutcome(rows), make([]float64, rows)}
	envs, filters := make([]*Env, rows), make([]*Filter, rows)
	obs, actions, expected := make([]float64, rows*dim), make([]float64, rows*n), make([]float64, n-1)
	for i := range envs {
		envs[i], filters[i] = p.NewEnv(), p.market.NewFilter()
		envs[i].ResetTo(&paths[i], rowOf(obs, i, dim))
	}
	for step := range p.cfg.Decisions {
		if err := a(step, obs, rows, actions); err != nil {
			return nil, fmt.Errorf("month %d: %w", step, err)
		}
		for i, e := range envs {
			act, row := rowOf(actions, i, n), rowOf(obs, i, dim)
			var lim lp.Limits
			relaxation := 0.
			if e.limits != nil {
				e.limits.Limits(&lim)
				relaxation = e.limits.Relaxation()
			}
			residual := p.polytope.Residual(act, &lim)

			// The filter sees what the observation shows and no more.
			filters[i].Observe(row[2+n:])
			filters[i].Expected(expected)
			out.Expected[i] += dot(act[1:], expected) - e.Fees(act)

			reward, _ := e.Step(nil, act, row)
			out.Add(i, reward, residual, relaxation)
		}
	}
	return out, nil
}

// rowOf returns row i of v, which cannot be appended to without a copy.
func rowOf(v []float64, i, width int) []float64 { return v[i*width : (i+1)*width : (i+1)*width] }
