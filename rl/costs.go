package rl

import (
	"slices"

	"paspo/lp"
	"paspo/policy"
)

// Constrained is a Learner that is told the costs of actions: by how much each breaks constraints.
// It is for policies whose actions may break some.
type Constrained interface {
	Learner

	// Costs returns the constraints whose excess is a cost of every step, by their
	// places in lp.Polytope.Excesses.
	Costs() []int

	// Shape may change the rewards of a rollout before advantages are estimated.
	// costs has one element a step and constraint, step by step.
	Shape(rewards, costs []float64)
}

// Keeper is a Learner with numbers of its own that checkpoints carry.
type Keeper interface {
	// Kept returns the numbers, and Keep sets them: as many as Kept has returned.
	Kept() []float64
	Keep([]float64)
}

// costs holds what a rollout knows of the costs of a Constrained learner.
type costs struct {
	rows []int // constraints

	values []float64 // rows x constraints, of the critics, in the units of costs
	last   []float64 // after the last step
	after  []float64 // where episodes were truncated, else 0

	excesses []float64 // scratch, as are those below
	column   [5][]float64
}

// makeCosts makes the memory of the costs of a Constrained learner.
func (t *Trainer) makeCosts() {
	learner, ok := t.learner.(Constrained)
	if !ok {
		return
	}
	r, c := t.roll, &t.roll.costs
	c.rows = learner.Costs()
	size := r.Batch.Rows * len(c.rows)
	r.Costs = make([]float64, size)
	if b, ok := t.backend.(policy.Differentiable); ok && b.Costs() > 0 {
		r.CostAdvantages, r.Batch.CostReturn = make([]float64, size), make([]float32, size)
		c.values, c.after, c.last = make([]float64, size), make([]float64, size), make([]float64, t.cfg.Envs*len(c.rows))
	}
}

// price writes the costs of the actions of a step, which are rows from at on.
func (r *Rollout) price(p *lp.Polytope, at int, actions []float64, limits []lp.Limits) {
	c, n := &r.costs, p.Dim()
	c.excesses = slices.Grow(c.excesses[:0], p.Constraints())[:p.Constraints()]
	for e := range len(actions) / n {
		var lim *lp.Limits
		if limits != nil {
			lim = &limits[e]
		}
		p.Excesses(actions[e*n:(e+1)*n], lim, c.excesses)
		to := r.Costs[(at+e)*len(c.rows):]
		for i, k := range c.rows {
			to[i] = c.excesses[k]
		}
	}
}

// estimateCosts fills in the advantages of costs, and the returns that their critics
// learn, where there are critics.
func (t *Trainer) estimateCosts() {
	r, c := t.roll, &t.roll.costs
	k := len(c.rows)
	if k == 0 || len(c.values) == 0 {
		return
	}
	rows := r.Batch.Rows
	for i := range c.column {
		c.column[i] = slices.Grow(c.column[i][:0], rows)[:rows]
	}
	adv, cost, value, after, last := c.column[0], c.column[1], c.column[2], c.column[3], c.column[4][:t.cfg.Envs]
	for i := range k {
		for row := range rows {
			cost[row], value[row], after[row] = r.Costs[row*k+i], c.values[row*k+i], c.after[row*k+i]
		}
		for e := range last {
			last[e] = c.last[e*k+i]
		}
		gae(adv, cost, value, r.done, after, last, t.cfg.Gamma, t.cfg.GAELambda)
		for row, a := range adv {
			r.CostAdvantages[row*k+i] = a
			r.Batch.CostReturn[row*k+i] = float32(a + value[row])
		}
	}
}

// Estimate writes the advantages, and the returns as the critic learns them, for other rewards than
// those of the rollout. All have one element a transition. The values are those of the same critic.
func (r *Rollout) Estimate(rewards, advantages []float64, returns []float32) {
	t := r.trainer
	gae(advantages, rewards, r.values, r.done, r.after, r.last, t.cfg.Gamma, t.cfg.GAELambda)
	for i, a := range advantages {
		r.returns[i] = a + r.values[i]
	}
	centre(advantages, t.cfg.Group)
	t.targets(returns, r.returns)
}

// EpisodeLength returns the mean number of steps of an episode of the rollout: rows over the
// number of episodes, where an episode that goes on after the rollout counts as ended.
func (r *Rollout) EpisodeLength() float64 {
	episodes := len(r.last)
	envs, rows := len(r.last), r.Batch.Rows
	for i, done := range r.done {
		if done && i < rows-envs {
			episodes++
		}
	}
	return float64(rows) / float64(episodes)
}
