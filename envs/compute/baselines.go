package compute

import (
	"fmt"
	"slices"

	"paspo/envs"
	"paspo/lp"
)

// GreedyBySpeed returns the split closest to shares proportional to the
// servers' frequencies.
func (p *Problem) GreedyBySpeed() ([]float64, error) {
	a := make([]float64, len(p.hz))
	for i, f := range p.hz {
		a[i] = f / p.total
	}
	return lp.Project(p.spec.Polytope, a)
}

// FastestFirst returns the split with the largest sum of share times frequency:
// as much as the constraints allow on the fastest servers.
func (p *Problem) FastestFirst() ([]float64, error) {
	a, _, err := p.spec.Polytope.Minimize(p.fastestCosts(), nil)
	if err != nil {
		return nil, fmt.Errorf("compute: fastest servers first: %w", err)
	}
	return a, nil
}

func (p *Problem) fastestCosts() []float64 {
	c := make([]float64, len(p.hz))
	for i, f := range p.hz {
		c[i] = -f / p.total
	}
	return c
}

// LevelQueues returns an allocator that looks at the queues: the split that would
// make all servers it uses be done at the same time, transmission left out,
// projected into what the polytope and the caps leave.
func (p *Problem) LevelQueues() envs.Allocator {
	m, dim := len(p.hz), p.spec.ObsDim
	a, order := make([]float64, m), make([]int, m)
	limits := envs.NewRowLimits(p)
	return func(_ int, obs []float64, rows int, actions []float64) error {
		lims, err := limits.Of(obs, rows)
		if err != nil {
			return err
		}
		for r := range rows {
			row := obs[r*dim : (r+1)*dim]
			p.level(row[:m], row[m+shownTasks], a, order)
			var lim *lp.Limits
			if lims != nil {
				lim = &lims[r]
			}
			x, err := lp.ProjectWithin(p.spec.Polytope, lim, a)
			if err != nil {
				return err
			}
			copy(actions[r*m:(r+1)*m], x)
		}
		return nil
	}
}

// level sets a to the shares of cycles with which servers that are done at done
// (ms) reach a common level T, sum_i max(0, T - done_i) f_i = cycles.
func (p *Problem) level(done []float64, cycles float64, a []float64, order []int) {
	clear(a)
	if cycles <= 0 { // after the last task
		a[0] = 1
		return
	}
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		if done[i] < done[j] {
			return -1
		}
		return 1
	})
	// T is the level of the k servers that are done first.
	var speed, area, level float64
	for k, i := range order {
		speed += p.hz[i]
		area += p.hz[i] * done[i] / millisecond
		level = (cycles + area) / speed
		if k+1 == len(order) || level <= done[order[k+1]]/millisecond {
			break
		}
	}
	for i := range a {
		a[i] = max(0, level-done[i]/millisecond) * p.hz[i] / cycles
	}
}

// Baselines returns what trained policies are compared with. Under caps that
// follow the queues they stay within those.
func (p *Problem) Baselines(seed uint64) ([]envs.Baseline, error) {
	uniform, err := envs.Uniform(p.spec.Polytope, seed)
	if err != nil {
		return nil, err
	}
	equal, err := envs.EqualWeights(p.spec.Polytope)
	if err != nil {
		return nil, err
	}
	greedy, err := p.GreedyBySpeed()
	if err != nil {
		return nil, err
	}
	fastest, err := p.fastestFirst()
	if err != nil {
		return nil, err
	}
	name := "uniform"
	if p.caps != nil {
		name = envs.UniformWithin
	}
	return []envs.Baseline{
		{Name: name, Allocator: envs.Within(p, uniform)},
		{Name: "equal shares", Allocator: envs.Within(p, envs.Constant(equal))},
		{Name: "fastest first", Allocator: fastest},
		{Name: "greedy by speed", Allocator: envs.Within(p, envs.Constant(greedy))},
		{Name: "level queues", Allocator: p.LevelQueues()},
	}, nil
}
