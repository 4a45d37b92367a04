package baselines

import (
	"context"
	"math/rand/v2"
	"slices"

	"paspo/envs"
	"paspo/internal/rng"
	"paspo/policy"
	"paspo/ppo"
	"paspo/rl"
)

// base holds what all learners share. The embedded Learner is PPO; some learners call it, others
// do not.
type base struct {
	rl.Learner

	config  Config
	ppo     ppo.Config
	costs   []int     // constraints, as indices into lp.Polytope.Excesses
	sizes   []float64 // the denominators of their residuals
	backend policy.Differentiable

	stream *rng.Stream // orders the rows of minibatches, except where PPO does
	rand   *rand.Rand  // draws from stream
	rows   []int32     // the rows of an epoch, in its order
}

// plainPPO returns PPO, for algorithms that differ from it in their policy alone.
func (b *base) plainPPO() rl.Learner { return b }

// Streams implements rl.Learner.
func (b *base) Streams() []*rng.Stream { return append(b.Learner.Streams(), b.stream) }

// Facts implements rl.Learner.
func (b *base) Facts() []rl.Fact { return slices.Concat(b.Learner.Facts(), b.config.Facts()) }

// constrained is the base of learners that learn from costs.
type constrained struct{ *base }

// Costs implements rl.Constrained.
func (c constrained) Costs() []int { return c.costs }

// Shape implements rl.Constrained. As published, costs are in the units of the rows.
func (c constrained) Shape(_, costs []float64) {
	if !c.config.has(rawCosts) {
		return
	}
	for i := range costs {
		costs[i] *= c.sizes[i%len(c.sizes)]
	}
}

// minibatches calls f with the rows of every minibatch of every epoch, in random order.
func (b *base) minibatches(ctx context.Context, r *rl.Rollout, f func(rows []int32) error) error {
	for range b.ppo.Epochs {
		if err := ctx.Err(); err != nil {
			return err
		}
		b.rows = append(b.rows[:0], unskipped(r)...)
		b.rand.Shuffle(len(b.rows), func(i, j int) { b.rows[i], b.rows[j] = b.rows[j], b.rows[i] })
		for rows := range slices.Chunk(b.rows, b.ppo.Minibatch) {
			if err := f(rows); err != nil {
				return err
			}
		}
	}
	return nil
}

// unskipped returns the rows of a rollout that are not skipped, in order.
func unskipped(r *rl.Rollout) []int32 {
	rows := allRows(r.Batch.Rows)
	return slices.DeleteFunc(rows, func(i int32) bool {
		_, skipped := slices.BinarySearch(r.Skipped, i)
		return skipped
	})
}

// allRows returns the rows 0 .. n-1.
func allRows(n int) []int32 {
	rows := make([]int32, n)
	for i := range rows {
		rows[i] = int32(i)
	}
	return rows
}

// surrogate adds the derivatives of PPO's loss of the actor, and returns the loss without the
// entropy bonus. old holds log-probabilities under the old policy, one a row of the batch.
func surrogate(t *policy.Terms, rows []int32, old []float64, advantages []float32, s *policy.Settings) (loss float64) {
	w := 1 / float64(len(rows))
	for i, r := range rows {
		gain, slope := policy.Surrogate(policy.Ratio(t.LogProb[i]-old[r]), float64(advantages[r]), s.Clip)
		t.DLogProb[i] -= w * slope
		t.DEntropy[i] -= w * s.EntropyCoef
		loss -= w * gain
	}
	return loss
}

// critics adds the derivatives of the squared errors of the critic and, where there are any, of
// the critics of costs. It returns the mean squared error of the critic.
func critics(t *policy.Terms, rows []int32, r *policy.Batch, coef float64) (loss float64) {
	w := 1 / float64(len(rows))
	k := len(t.DCost) / len(rows)
	for i, row := range rows {
		off := t.Value[i] - r.Return[row]
		t.DValue[i] += float32(2*w*coef) * off
		loss += w * float64(off) * float64(off)
		for j := range k {
			t.DCost[i*k+j] += float32(2*w*coef) * (t.Cost[i*k+j] - r.CostReturn[int(row)*k+j])
		}
	}
	return loss
}

// meanCosts returns the mean cost of a step of the given rows, for each constraint.
func (c constrained) meanCosts(r *rl.Rollout, rows []int32) []float64 {
	k := len(c.costs)
	mean := make([]float64, k)
	for _, row := range rows {
		for j := range k {
			mean[j] += r.Costs[int(row)*k+j]
		}
	}
	for j := range mean {
		mean[j] /= float64(len(rows))
	}
	return mean
}

// subtractCosts subtracts the weighted advantages of costs from those of rewards. A constraint
// that no action of the rollout has broken counts as 0, whatever the values of its critic.
func subtractCosts(r *rl.Rollout, mean, weights []float64) {
	k := len(weights)
	for i := range r.Advantages {
		for j, w := range weights {
			if mean[j] > 0 {
				r.Advantages[i] -= w * r.CostAdvantages[i*k+j]
			}
		}
	}
}

// measure adds the maximum and the sum of mean costs, and of weights of constraints, to the
// metrics.
func measure(m *rl.Metrics, mean, weights []float64) {
	add := func(name string, xs []float64) {
		if len(xs) == 0 {
			return
		}
		var sum float64
		for _, x := range xs {
			sum += x
		}
		m.Algo = append(m.Algo, envs.Mean{Name: name + "_max", Value: slices.Max(xs)}, envs.Mean{Name: name + "_sum", Value: sum})
	}
	add("cost", mean)
	add("multiplier", weights)
}
