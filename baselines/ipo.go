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
// whose gradient weights the advantages of cost k by 1 / (t (d - J_k)). The weight is at most
// barrier_max, and is barrier_max where J_k has reached d and the barrier is not defined, so that
// the policy is led back.
type ipo struct{ constrained }

func newIPO(b *base) rl.Learner { return &ipo{constrained{b}} }

// Shape implements rl.Constrained. As published, the barrier is subtracted from the reward, where
// it is a bonus for satisfied constraints.
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
	mean := l.meanCosts(r, unskipped(r))
	weights := make([]float64, len(mean))
	for k, j := range mean {
		weights[k] = l.config.BarrierMax
		if slack := l.config.CostLimit - j; slack > 0 {
			weights[k] = min(weights[k], 1/(l.config.BarrierT*slack))
		}
	}
	if !l.config.has(invertedBarrier) {
		subtractCosts(r, mean, weights)
	}
	measure(m, mean, weights)
	return l.Learner.Learn(ctx, r, progress, m)
}
