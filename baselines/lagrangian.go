package baselines

import (
	"context"

	"paspo/rl"
)

// lagrangian is PPO on the Lagrangian of the constrained problem (Ray, Achiam and Amodei,
// Benchmarking safe exploration in deep reinforcement learning, 2019, section 5.2),
//
//	max over pi, min over lambda >= 0 of   J(pi) - sum_k lambda_k (J_k(pi) - d).
type lagrangian struct {
	constrained
	*multipliers
}

func newLagrangian(b *base) rl.Learner {
	return &lagrangian{constrained{b}, newMultipliers(len(b.costs), b.config)}
}

// Shape implements rl.Constrained. As published, the penalty is part of the reward.
func (l *lagrangian) Shape(rewards, costs []float64) {
	l.constrained.Shape(rewards, costs)
	if !l.config.has(shapedReward) {
		return
	}
	k := len(l.lambda)
	for i := range rewards {
		for j, w := range l.lambda {
			rewards[i] -= w * costs[i*k+j]
		}
	}
}

// Learn implements rl.Learner.
func (l *lagrangian) Learn(ctx context.Context, r *rl.Rollout, progress float64, m *rl.Metrics) error {
	mean := l.meanCosts(r, unskipped(r))
	if err := l.updateMultipliers(ctx, r, l.multipliers, mean); err != nil {
		return err
	}
	if !l.config.has(shapedReward) {
		subtractCosts(r, mean, l.lambda)
	}
	measure(m, mean, l.lambda)
	return l.Learner.Learn(ctx, r, progress, m)
}
