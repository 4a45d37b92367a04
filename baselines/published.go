package baselines

import (
	"context"
	"math"

	"paspo/internal/stats"
	"paspo/policy"
	"paspo/policy/joint"
	"paspo/rl"
)

// Faults of the published code (github.com/niklasdbs/paspo, commit 81c65cd); docs/algorithms.md
// describes each.
const (
	clampedLogProb         = "clamped-log-prob"
	rawCosts               = "raw-costs"
	shapedReward           = "shaped-reward"
	multiplierPerMinibatch = "multiplier-per-minibatch"
	invertedBarrier        = "inverted-barrier"
	noLevel                = "no-level"
	outerProduct           = "outer-product"
	alternatingStages      = "alternating-stages"
	flippedSign            = "flipped-sign"
	episodeCost            = "episode-cost"
	oneHiddenLayer         = "one-hidden-layer"
	mirroredProjection     = "mirrored-projection"
)

// clamped is the Dirichlet distribution with the fault clamped-log-prob: components of x below 1e-6
// count as 1e-6, and a log-density below ln 1e-6 becomes ln 1e-6, without a gradient.
type clamped struct{ *joint.Dirichlet }

var floor = math.Log(1e-6)

// LogProb implements policy.Family.
func (c clamped) LogProb(z, draw, grad []float32) float64 {
	x := make([]float32, len(draw))
	var sum float64
	for i, l := range draw {
		x[i] = max(l, float32(floor))
		sum += math.Exp(float64(x[i]))
	}
	for i := range x {
		x[i] -= float32(math.Log(sum))
	}
	l := c.Dirichlet.LogProb(z, x, grad)
	if l < floor {
		if grad != nil {
			clear(grad)
		}
		return floor
	}
	return l
}

var _ policy.Divergent = clamped{}

// updateMultipliers takes one step of the multipliers, given the mean costs of a step; as
// published, one step a minibatch, given the mean costs of its rows.
func (c constrained) updateMultipliers(ctx context.Context, r *rl.Rollout, l *multipliers, mean []float64) error {
	if !c.config.has(multiplierPerMinibatch) {
		l.ascend(mean, c.config.CostLimit)
		return nil
	}
	return c.minibatches(ctx, r, func(rows []int32) error {
		l.ascend(c.meanCosts(r, rows), c.config.CostLimit)
		return nil
	})
}

// standardiseCosts gives the advantages of every cost mean 0 and deviation 1.
func standardiseCosts(r *rl.Rollout) {
	rows := r.Batch.Rows
	k := len(r.CostAdvantages) / rows
	for j := range k {
		var m stats.Running
		for i := range rows {
			m.Add(r.CostAdvantages[i*k+j])
		}
		scale := 1 / max(1e-4, m.Deviation())
		for i := range rows {
			a := &r.CostAdvantages[i*k+j]
			*a = (*a - m.Mean) * scale
		}
	}
}
