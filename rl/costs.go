package rl

import (
	"slices"

	"paspo/lp"
	"paspo/policy"
)

// Constrained is a Learner that learns from the costs of actions: by how much they break
// constraints. It is for policies whose actions may break some.
type Constrained interface {
	Learner

	// Costs returns the constraints whose excess is a cost of every step, as indices
	// into lp.Polytope.Excesses.
	Costs() []int

	// Shape may change the rewards of a rollout before advantages are computed.
	// costs has one element a step and constraint, step by step.
	Shape(rewards, costs []float64)
}

// Stateful is a Learner with a state of its own, which checkpoints carry.
type Stateful interface {
	// LearnerState returns the state, and SetLearnerState sets it. Its length is constant.
	LearnerState() []float64
	SetLearnerState([]float64)
}

// costs holds the part of a rollout that is for a Constrained learner.
type costs struct {
	constraints []int // indices into lp.Polytope.Excesses

	// Outputs of the critics of costs, in the units of costs.
	values []float64 // rows x constraints
	last   []float64 // of the observations after the last step, environments x constraints
	after  []float64 // rows x constraints, of final observations of truncated episodes, else 0

	excesses []float64 // scratch, as is column
	column   [5][]float64
}

// makeCosts allocates the costs of a Constrained learner.
func (t *Trainer) makeCosts() {
	learner, ok := t.learner.(Constrained)
	if !ok {
		return
	}
	r, c := t.rollout, &t.rollout.costs
	c.constraints = learner.Costs()
	size := r.Batch.Rows * len(c.constraints)
	r.Costs = make([]float64, size)
	if b, ok := t.backend.(policy.Differentiable); ok && b.Costs() > 0 {
		r.CostAdvantages, r.Batch.CostReturn = make([]float64, size), make([]float32, size)
		c.values, c.after, c.last = make([]float64, size), make([]float64, size), make([]float64, t.cfg.Envs*len(c.constraints))
	}
}

// recordCosts writes the costs of the actions of a step to the rows from at on.
func (r *Rollout) recordCosts(p *lp.Polytope, at int, actions []float64, limits []lp.Limits) {
	c, n := &r.costs, p.Dim()
	c.excesses = slices.Grow(c.excesses[:0], p.Constraints())[:p.Constraints()]
	for e := range len(actions) / n {
		var lim *lp.Limits
		if limits != nil {
			lim = &limits[e]
		}
		p.Excesses(actions[e*n:(e+1)*n], lim, c.excesses)
		to := r.Costs[(at+e)*len(c.constraints):]
		for i, k := range c.constraints {
			to[i] = c.excesses[k]
		}
	}
}

// computeCostAdvantages writes the advantages of costs and the returns that the critics of
// costs learn, where there are such critics.
func (t *Trainer) computeCostAdvantages() {
	r, c := t.rollout, &t.rollout.costs
	k := len(c.constraints)
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

// ComputeAdvantages writes the advantages, and the returns in the form that the critic learns, for
// the given rewards in place of those of the rollout. All have one element a transition. Values
// are those of the critic of the rollout.
func (r *Rollout) ComputeAdvantages(rewards, advantages []float64, returns []float32) {
	t := r.trainer
	gae(advantages, rewards, r.values, r.done, r.after, r.last, t.cfg.Gamma, t.cfg.GAELambda)
	for i, a := range advantages {
		r.returns[i] = a + r.values[i]
	}
	subtractGroupMeans(advantages, t.cfg.Group)
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
