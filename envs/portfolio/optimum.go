package portfolio

import (
	"fmt"

	"paspo/envs"
	"paspo/lp"
)

// OptimalAllocator returns the best possible policy where trading is free. The
// market does not react, so the reward of each month can be maximised by
// itself: a hidden-state filter over the observed returns, the first
// observation's month included, and then the linear program
//
//	max a . E[r | history]  over the polytope.
//
// With costs it is a policy that ignores them; UpperBound then bounds what any
// policy can expect.
func (p *Problem) OptimalAllocator() (envs.Allocator, error) {
	best, err := p.newBest()
	if err != nil {
		return nil, err
	}
	return p.filtered(func(f *filter, _ *lp.Limits) ([]float64, error) { return best.allocation(f.ahead) }), nil
}

// filtered returns the allocator that lets a filter of every episode see the returns that it has
// observed, and then chooses by what the filter knows and within the limits of the state.
func (p *Problem) filtered(choose func(f *filter, lim *lp.Limits) ([]float64, error)) envs.Allocator {
	var filters []*filter
	return envs.EachRow(func(s *envs.States, row int, action []float64) error {
		if row == len(filters) {
			filters = append(filters, p.market.newFilter())
		}
		f := filters[row]
		if s.Step == 0 {
			f.reset()
		}
		f.observe(s.Observation(row)[2+p.polytope.Dim():])
		a, err := choose(f, s.Limit(row))
		copy(action, a)
		return err
	})
}

// UpperBound returns, for every path, the sum over its months of the largest
// a . E[r | history] over the polytope: what no policy can exceed in
// expectation.
func (p *Problem) UpperBound(paths []Path) ([]float64, error) {
	best, err := p.newBest()
	if err != nil {
		return nil, err
	}
	m := len(p.market.assets)
	f := p.market.newFilter()
	expected := make([]float64, m)
	bound := make([]float64, len(paths))
	for i, path := range paths {
		f.reset()
		f.observe(path.First)
		for t := range p.cfg.Decisions {
			a, err := best.allocation(f.ahead)
			if err != nil {
				return nil, err
			}
			f.expected(expected)
			bound[i] += dot(a[1:], expected)
			f.observe(path.Returns[t*m : (t+1)*m])
		}
	}
	return bound, nil
}

// BestConstant returns the constant allocation with the largest expected return
// of an episode under the market model, trading being free.
func (p *Problem) BestConstant() ([]float64, error) {
	sum := make([]float64, len(p.market.assets))
	for t := range p.cfg.Decisions {
		for i, r := range p.market.expected(t + 1) {
			sum[i] += r
		}
	}
	return p.maximize(sum, nil)
}

// maximize returns an allocation within limits with the largest a . [0, r].
func (p *Problem) maximize(r []float64, lim *lp.Limits) ([]float64, error) {
	c := make([]float64, 1+len(r))
	for i, x := range r {
		c[1+i] = -x
	}
	a, _, err := p.polytope.Minimize(c, lim)
	if err != nil {
		return nil, fmt.Errorf("portfolio: largest expected return: %w", err)
	}
	return a, nil
}

// best answers linear programs whose objective is the mean of the returns under
// probabilities of the hidden states.
//
// With two states the objectives are a segment, (1-q) mean_0 + q mean_1, and the
// largest value is convex and piecewise linear in q: best then holds the allocation of
// every affine piece (parametric linear programming; Gal, Postoptimal Analyses,
// Parametric Programming, and Related Topics, 1979).
type best struct {
	p      *Problem
	pieces [][]float64
	value  [][2]float64 // of each piece: a . mean_0, a . mean_1
	mean   []float64
}

func (p *Problem) newBest() (*best, error) {
	b := &best{p: p, mean: make([]float64, len(p.market.assets))}
	if p.market.states() != 2 {
		return b, nil
	}
	if err := b.add(0); err != nil {
		return nil, err
	}
	if err := b.add(1); err != nil {
		return nil, err
	}
	return b, b.refine(0, 1)
}

// add solves at q and appends the piece found there.
func (b *best) add(q float64) error {
	b.p.market.mix(b.mean, []float64{1 - q, q})
	a, err := b.p.maximize(b.mean, nil)
	if err != nil {
		return err
	}
	b.pieces = append(b.pieces, a)
	b.value = append(b.value, [2]float64{dot(a[1:], b.p.market.means[0]), dot(a[1:], b.p.market.means[1])})
	return nil
}

// refine finds the pieces between piece l, optimal at a smaller q, and piece h.
func (b *best) refine(l, h int) error {
	vl, vh := b.value[l], b.value[h]
	// Both lines meet where (vl0-vh0) (1-q) + (vl1-vh1) q = 0.
	d0, d1 := vl[0]-vh[0], vl[1]-vh[1]
	if !(d0 > bestTolerance) || !(d1 < -bestTolerance) {
		return nil
	}
	q := d0 / (d0 - d1)
	if err := b.add(q); err != nil {
		return err
	}
	at := func(v [2]float64) float64 { return (1-q)*v[0] + q*v[1] }
	last := len(b.pieces) - 1
	if at(b.value[last]) <= at(vl)+bestTolerance {
		b.pieces, b.value = b.pieces[:last], b.value[:last]
		return nil
	}
	if err := b.refine(l, last); err != nil {
		return err
	}
	return b.refine(last, h)
}

// bestTolerance is the loss of return a month below which two allocations count
// as equally good.
const bestTolerance = 1e-12

// allocation returns the best allocation under the probabilities of the hidden
// states. The slice must not be modified.
func (b *best) allocation(states []float64) ([]float64, error) {
	if len(b.pieces) == 0 {
		b.p.market.mix(b.mean, states)
		return b.p.maximize(b.mean, nil)
	}
	value := func(v [2]float64) float64 { return states[0]*v[0] + states[1]*v[1] }
	k := 0
	for i, v := range b.value {
		if value(v) > value(b.value[k]) {
			k = i
		}
	}
	return b.pieces[k], nil
}

func dot(a, b []float64) float64 {
	var s float64
	for i, x := range a {
		s += x * b[i]
	}
	return s
}

// References returns what trained policies are compared with, the worst first
// where trading is free: uniform, equal weights projected, best constant and
// the optimum. Under a trading limit the first three choose the allocation
// within it that is closest to theirs (see Within), and Myopic stands for the optimum, which is not
// known. Where trading costs, the last two are the best without costs.
func (p *Problem) References(seed uint64) ([]envs.Reference, error) {
	all, err := envs.UniformAndEqual(p.polytope, seed, p.trading != nil, "equal weights")
	if err != nil {
		return nil, err
	}
	constant, err := p.BestConstant()
	if err != nil {
		return nil, err
	}
	last := envs.Reference{Name: "myopic", Allocator: p.Myopic()}
	if p.trading == nil {
		last.Name = "optimum"
		if p.cfg.Spread > 0 {
			last.Name = "optimum without costs"
		}
		if last.Allocator, err = p.OptimalAllocator(); err != nil {
			return nil, err
		}
	}
	return append(all, envs.Reference{Name: "best constant", Allocator: envs.Within(p.polytope, envs.Constant(constant))}, last), nil
}
