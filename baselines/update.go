package baselines

import (
	"math"

	"paspo/internal/finite"
	"paspo/policy"
	"paspo/rl"
)

// update gathers what the gradient steps of an iteration measure.
type update struct {
	old                        []float64 // log-probabilities of the policy that acted
	steps                      int
	loss, value                float64
	entropy, kl, clipped, norm float64
	first                      float64
}

func newUpdate(old []float64) *update { return &update{old: old} }

// see measures a minibatch.
func (u *update) see(t *policy.Terms, rows []int32, clip float64) {
	w := 1 / float64(len(rows))
	for i, r := range rows {
		ln := t.LogProb[i] - u.old[r]
		ratio := policy.Ratio(ln)
		u.entropy += w * t.Entropy[i]
		u.kl += w * (ratio - 1 - ln)
		if math.Abs(ratio-1) > clip {
			u.clipped += w
		}
		if u.steps == 0 {
			u.first = max(u.first, math.Abs(ratio-1))
		}
	}
}

// step takes the gradient step.
func (u *update) step(b policy.Differentiable, s policy.Settings) error {
	norm, err := b.Update(s)
	u.norm += norm
	u.steps++
	return err
}

// report writes the means to the metrics.
func (u *update) report(b *base, m *rl.Metrics, s *policy.Settings) error {
	n := float64(max(1, u.steps))
	m.LR, m.EntropyCoef, m.Epochs = s.LearningRate, s.EntropyCoef, b.ppo.Epochs
	m.PolicyLoss, m.ValueLoss, m.Entropy, m.ApproxKL = u.loss/n, u.value/n, u.entropy/n, u.kl/n
	m.ClipFraction, m.GradNorm, m.MaxRatioDeviation = u.clipped/n, u.norm/n, u.first
	for name, x := range map[string]float64{"the policy loss": m.PolicyLoss, "the value loss": m.ValueLoss, "the entropy": m.Entropy} {
		if !finite.Is(x) {
			return &rl.NonFiniteError{Tensor: name, Value: x}
		}
	}
	return nil
}
