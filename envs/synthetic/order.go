package synthetic

import (
	"cmp"
	"slices"

	"paspo/envs"
	"paspo/internal/stats"
	"paspo/lp"
)

// orderDraws is how many uniform allocations the order is taken from.
const orderDraws = 2000

// rise returns t with its entities in the order of the slopes cov(a_i, r) / var(a_i) over uniform
// allocations a with returns r, the least first, and puts the inputs of the reward in the same
// order. The slope is by how much more of an entity raises the return.
//
// A policy decides on entities in their order, and later ones get what earlier ones have not taken
// of the budget. One that earns little soon learns to take nothing, so that what is left goes to
// those that earn more.
func (p *Problem) rise(t *lp.Polytope) (*lp.Polytope, error) {
	n := t.Dim()
	draw, err := envs.Uniform(t, 1)
	if err != nil {
		return nil, err
	}
	points := make([]float64, orderDraws*n)
	if err := draw(&envs.States{Rows: orderDraws}, points); err != nil {
		return nil, err
	}
	amounts, returns := make([]stats.Running, n), stats.Running{}
	for a := range slices.Chunk(points, n) {
		returns.Add(p.total(a))
		for i, x := range a {
			amounts[i].Add(x)
		}
	}
	slope, order := make([]float64, n), make([]int, n)
	for a := range slices.Chunk(points, n) {
		above := p.total(a) - returns.Mean
		for i, x := range a {
			if amounts[i].M2 > 0 {
				slope[i] += (x - amounts[i].Mean) * above / amounts[i].M2
			}
		}
	}
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(slope[i], slope[j]) })
	p.net.inputs(order)
	return ordered(t, order)
}

// total is the return of an episode whose actions are all a.
func (p *Problem) total(a []float64) float64 {
	var sum float64
	for s := range p.cfg.States {
		sum += p.net.reward(s, a, nil)
	}
	return sum
}

// inputs gives the network the amount of entity order[k] as input k.
func (m *rewardNet) inputs(order []int) {
	for w := range slices.Chunk(m.w1, 1+len(order)) {
		copy(w[1:], in(order, w[1:]))
	}
}

// ordered returns t with entity order[k] as its entity k.
func ordered(t *lp.Polytope, order []int) (*lp.Polytope, error) {
	d := t.Description()
	d.Entities, d.Lower, d.Upper = in(order, d.Entities), in(order, d.Lower), in(order, d.Upper)
	d.Rows, d.Points = slices.Clone(d.Rows), slices.Clone(d.Points)
	for k := range d.Rows {
		d.Rows[k].Coef = in(order, d.Rows[k].Coef)
	}
	for k := range d.Points {
		d.Points[k] = in(order, d.Points[k])
	}
	return lp.New(d)
}

// in returns xs in an order, nil for nil.
func in[T any](order []int, xs []T) []T {
	if xs == nil {
		return nil
	}
	all := make([]T, len(order))
	for k, i := range order {
		all[k] = xs[i]
	}
	return all
}
