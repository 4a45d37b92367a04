package baselines

import (
	"context"
	"math"

	"paspo/rl"
)

// ipo is interior-point policy optimization (Liu, Ding and Liu, arXiv 1910.09615, equation 6):
// PPO's objective with a logarithmic barrier for the cost of every constraint,
//
//	L_clip(theta) + sum_k ln(d - J_k(theta)) / t,
//
// whose gradient weighs the advantages of cost k by 1 / (t (d - J_k)). Where J_k has reached
// d, the barrier has no gradient; the weight is barrier_max then, which leads back.
type ipo struct{ constrained }

func newIPO(b *base) rl.Learner { return &ipo{constrained{b}} }

// Shape implements rl.Constrained. As published, the barrier is taken off the reward, where
// it is a bonus for what holds.
func (l *ipo) Shape(rewards, costs []float64) {
	l.constrained.Shape(rewards, costs)
	if !l.config.has(invertedBarrier) {
		return
	}
	const tolerance = 1e-3
	k := len(l.costs)
	for i := range rewards {
		for _, v := range costs[i*k : (i+1)*k] {
			if v < tolerance {
				rewards[i] -= math.Log(tolerance-v) / l.config.BarrierT
			} else {
				rewards[i] -= 1 / tolerance / l.config.BarrierT
			}
		}
	}
}

// Learn implements rl.Learner.
func (l *ipo) Learn(ctx context.Context, r *rl.Rollout, progress float64, m *rl.Metrics) error {
	mean := l.meanCosts(r, learned(r))
	weights := make([]float64, len(mean))
	for k, j := range mean {
		weights[k] = l.config.BarrierMax
		if margin := l.config.CostLimit - j; margin > 0 {
			weights[k] = min(weights[k], 1/(l.config.BarrierT*margin))
		}
	}
	if !l.config.has(invertedBarrier) {
		weigh(r, mean, weights)
	}
	measure(m, mean, weights)
	return l.Learner.Learn(ctx, r, progress, m)
}
