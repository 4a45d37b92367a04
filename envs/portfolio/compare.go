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
		p.simulate(rand.New(rng.New(seed, "portfolio", "paths").Split(uint64(i))), path, scratch)
	})
}

// simulate draws a path from the market model. It draws in the order in which an environment
// does that simulates its own market, so both see the same path from the same stream.
func (p *Problem) simulate(r *rand.Rand, path *Path, scratch []float64) {
	state := draw(r, p.market.start)
	p.market.sample(r, state, path.First, scratch)
	m := len(path.First)
	path.Returns = make([]float64, p.cfg.Decisions*m)
	for t := range p.cfg.Decisions {
		state = draw(r, p.market.transition[state])
		p.market.sample(r, state, path.Returns[t*m:(t+1)*m], scratch)
	}
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

// EpisodePaths returns the paths of the episodes of a set (see envs.EpisodeStream): what
// the market does in them, whatever the policy.
func (p *Problem) EpisodePaths(count int, seed uint64, set ...string) []Path {
	return p.paths(count, func(i int, path *Path, scratch []float64) {
		r := envs.EpisodeStream(seed, i, set...)
		switch p.cfg.Mode {
		case Presampled:
			*path = p.fixed[r.IntN(len(p.fixed))]
		case Backtest:
			p.market.sample(r, draw(r, p.market.start), path.First, scratch)
			path.Returns = p.backtest
		default:
			p.simulate(r, path, scratch)
		}
	})
}

// Expectation implements envs.Expecter: a . E[r | history] less fees, with the filter's
// expectation of the month to come. It is not known of real months.
func (p *Problem) Expectation() func(obs, action []float64) float64 {
	if p.cfg.Mode == Backtest {
		return nil
	}
	return p.expectation()
}

func (p *Problem) expectation() func(obs, action []float64) float64 {
	n := p.polytope.Dim()
	f := p.market.newFilter()
	expected := make([]float64, n-1)
	return func(obs, action []float64) float64 {
		// The filter sees what the observation shows and no more.
		f.observe(obs[2+n:])
		f.expected(expected)
		return dot(action[1:], expected) - p.fees(obs[1:1+n], action)
	}
}

// PlayPaths plays all paths side by side, path i in row i. Expectations are under the market
// model, on real months too.
func (p *Problem) PlayPaths(paths []Path, a envs.Allocator) (*envs.Outcome, error) {
	if len(paths) == 0 {
		return nil, errors.New("envs: no paths to play")
	}
	rows, dim, n := len(paths), p.spec.ObsDim, p.polytope.Dim()
	out := envs.NewOutcome(rows)
	copies, expect := make([]*Env, rows), make([]func(obs, action []float64) float64, rows)
	obs, actions := make([]float64, rows*dim), make([]float64, rows*n)
	at := envs.States{Rows: rows, Obs: obs}
	for i := range copies {
		copies[i], expect[i] = p.NewEnv(), p.expectation()
		copies[i].ResetTo(&paths[i], rowOf(obs, i, dim))
	}
	if p.trading != nil {
		at.Limits = make([]lp.Limits, rows)
	}
	for step := range p.cfg.Decisions {
		for i := range at.Limits {
			copies[i].limits.Limits(&at.Limits[i])
		}
		at.Step = step
		if err := a(&at, actions); err != nil {
			return nil, fmt.Errorf("month %d: %w", step, err)
		}
		for i, e := range copies {
			act, row := rowOf(actions, i, n), rowOf(obs, i, dim)
			relaxation := 0.
			if e.limits != nil {
				relaxation = e.limits.Relaxation()
			}
			residual := p.polytope.Residual(act, at.Limit(i))

			out.Expect(i, expect[i](row, act))
			reward, _ := e.Step(nil, act, row)
			out.Add(i, reward, residual, relaxation)
		}
	}
	return out, nil
}

// rowOf returns row i of v, which cannot be appended to without a copy.
func rowOf(v []float64, i, width int) []float64 { return v[i*width : (i+1)*width : (i+1)*width] }
