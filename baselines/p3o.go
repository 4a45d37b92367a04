package baselines

import (
	"context"

	"paspo/policy"
	"paspo/rl"
)

// p3o is penalized proximal policy optimization (Zhang et al., arXiv 2205.11814, equation 13):
// PPO's loss with an exact penalty for the cost of every constraint,
//
//	L_clip(theta) + kappa sum_k max(0, E[max(rho A_k, clip(rho, 1-eps, 1+eps) A_k)] + J_k - d).
//
// Both terms are in units of the standardised advantages. J_k is the mean cost of a step, which
// takes the place of the paper's (1-gamma) J_k where returns are not discounted.
type p3o struct {
	constrained
	old []float64 // log-probabilities under the old policy, one a row of the batch
}

func newP3O(b *base) rl.Learner { return &p3o{constrained: constrained{b}} }

// Learn implements rl.Learner.
func (l *p3o) Learn(ctx context.Context, r *rl.Rollout, progress float64, m *rl.Metrics) error {
	scale := r.Standardise(r.Batch.Advantage, r.Advantages)
	mean := l.meanCosts(r, unskipped(r))
	offset := make([]float64, len(mean)) // J_k - d
	for k, j := range mean {
		offset[k] = j - l.config.CostLimit
	}
	if l.config.has(noLevel) {
		clear(offset)
		standardiseCosts(r)
		scale = 1
	}
	if err := l.backend.Load(&r.Batch); err != nil {
		return err
	}
	l.old = append(l.old[:0], l.backend.Forward(allRows(r.Batch.Rows)).LogProb...)

	s := l.ppo.StepSettings(progress)
	u := newUpdate(l.old)
	if err := l.minibatches(ctx, r, func(rows []int32) error {
		t := l.backend.Forward(rows)
		loss := surrogate(t, rows, l.old, r.Batch.Advantage, &s)
		value := critics(t, rows, &r.Batch, s.ValueCoef)
		for k := range offset {
			if mean[k] > 0 {
				l.penalise(t, rows, r, k, offset[k], scale, s.Clip)
			}
		}
		u.add(t, rows, loss, value, s.Clip)
		l.backend.Backward(t)
		return u.step(l.backend, s)
	}); err != nil {
		return err
	}
	measure(m, mean, nil)
	return u.report(l.base, m, &s)
}

// penalise adds the derivatives of the penalty of one constraint.
func (l *p3o) penalise(t *policy.Terms, rows []int32, r *rl.Rollout, k int, offset, scale, clip float64) {
	n, w := len(l.costs), 1/float64(len(rows))
	excess := offset
	for i, row := range rows {
		// max(x, y) = -min(-x, -y), and Surrogate takes the smaller one.
		gain, _ := policy.Surrogate(t.Ratio[i], -r.CostAdvantages[int(row)*n+k], clip)
		excess -= w * gain
	}
	if excess <= 0 {
		return
	}
	for i, row := range rows {
		_, slope := policy.Surrogate(t.Ratio[i], -r.CostAdvantages[int(row)*n+k], clip)
		t.DLogProb[i] -= l.config.Kappa * scale * w * slope
	}
}
