package baselines

import (
	"context"

	"paspo/policy"
	"paspo/rl"
)

// cup is the constrained update projection (Yang et al., arXiv 2209.07089, algorithm 1). An
// iteration improves the policy, then projects it towards the constraints:
//
//	pi_{k+1/2}   by PPO, on rewards alone
//	lambda       <- max(0, lambda + eta (J_k - d))
//	pi_{k+1}     = argmin E[ KL(pi_{k+1/2} || pi) + c sum_k lambda_k (pi / pi_k) A_k ],
//
// with c = (1 - gamma lambda_GAE) / (1 - gamma), and 1 without discounting, where J_k is the
// mean cost of a step.
type cup struct {
	constrained
	*multipliers
	old []float64 // log-probabilities under pi_k, one a row of the batch
}

func newCUP(b *base) rl.Learner {
	b.backend.ComputeKL()
	return &cup{constrained: constrained{b}, multipliers: newMultipliers(len(b.costs), b.config)}
}

// Learn implements rl.Learner.
func (l *cup) Learn(ctx context.Context, r *rl.Rollout, progress float64, m *rl.Metrics) error {
	if l.config.has(alternatingStages) {
		return l.alternate(ctx, r, progress, m)
	}
	if err := l.backend.Load(&r.Batch); err != nil {
		return err
	}
	l.old = append(l.old[:0], l.backend.Forward(allRows(r.Batch.Rows)).LogProb...)

	// Improvement.
	if err := l.Learner.Learn(ctx, r, progress, m); err != nil {
		return err
	}
	if err := l.backend.SetOldPolicy(); err != nil {
		return err
	}

	// Multipliers.
	mean := l.meanCosts(r, unskipped(r))
	if err := l.updateMultipliers(ctx, r, l.multipliers, mean); err != nil {
		return err
	}
	measure(m, mean, l.lambda)

	// Projection.
	weighted := l.weighted(r, mean, r.Standardise(r.Batch.Advantage, r.Advantages))
	s := l.ppo.StepSettings(progress)
	s.MaxGradNorm = 0 // clipping would undo the size of the multipliers
	return l.minibatches(ctx, r, func(rows []int32) error {
		t := l.backend.Forward(rows)
		l.project(t, rows, weighted)
		l.backend.Backward(t)
		_, err := l.backend.Update(s)
		return err
	})
}

// weighted returns c sum_k lambda_k A_k of every row, in the units of the standardised advantages;
// the argument c is the scale of these.
func (l *cup) weighted(r *rl.Rollout, mean []float64, c float64) []float64 {
	n := len(l.lambda)
	if g := l.ppo.Gamma; g < 1 {
		c *= (1 - g*l.ppo.GAELambda) / (1 - g)
	}
	weighted := make([]float64, r.Batch.Rows)
	for i := range weighted {
		for k, w := range l.lambda {
			if mean[k] > 0 {
				weighted[i] += c * w * r.CostAdvantages[i*n+k]
			}
		}
	}
	return weighted
}

// project adds the derivatives of the loss of the projection.
func (l *cup) project(t *policy.Terms, rows []int32, weighted []float64) {
	w := 1 / float64(len(rows))
	var mean float64
	for _, row := range rows {
		mean += w * weighted[row]
	}
	for i, row := range rows {
		cost := weighted[row]
		if l.config.has(outerProduct) {
			cost = mean // the mean over a product of shapes (B, 1) and (B) is the product of the means
		}
		t.DKL[i] += w
		t.DLogProb[i] += w * cost * policy.Ratio(t.LogProb[i]-l.old[row])
	}
}

// alternate learns in the published order: multipliers, improvement and projection in turn for
// every minibatch, where the projection starts from the old policy.
func (l *cup) alternate(ctx context.Context, r *rl.Rollout, progress float64, m *rl.Metrics) error {
	r.Standardise(r.Batch.Advantage, r.Advantages)
	standardiseCosts(r)
	if err := l.backend.Load(&r.Batch); err != nil {
		return err
	}
	l.old = append(l.old[:0], l.backend.Forward(allRows(r.Batch.Rows)).LogProb...)
	mean := l.meanCosts(r, unskipped(r))
	s := l.ppo.StepSettings(progress)
	unclipped := s // for the projection
	unclipped.MaxGradNorm = 0
	u := newUpdate(l.old)
	err := l.minibatches(ctx, r, func(rows []int32) error {
		if l.config.has(multiplierPerMinibatch) {
			l.ascend(l.meanCosts(r, rows), l.config.CostLimit)
		}
		t := l.backend.Forward(rows)
		loss := surrogate(t, rows, l.old, r.Batch.Advantage, &s)
		u.add(t, rows, loss, critics(t, rows, &r.Batch, s.ValueCoef), s.Clip)
		l.backend.Backward(t)
		if err := u.step(l.backend, s); err != nil {
			return err
		}
		t = l.backend.Forward(rows)
		l.project(t, rows, l.weighted(r, mean, 1))
		l.backend.Backward(t)
		_, err := l.backend.Update(unclipped)
		return err
	})
	if err != nil {
		return err
	}
	if !l.config.has(multiplierPerMinibatch) {
		l.ascend(mean, l.config.CostLimit)
	}
	measure(m, mean, l.lambda)
	return u.report(l.base, m, &s)
}
