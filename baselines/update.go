package baselines

import (
	"paspo/policy"
	"paspo/rl"
)

// update adds up the measurements of the gradient steps of an iteration.
type update struct {
	policy.Diagnostics
	old []float64 // log-probabilities under the old policy, one a row of the batch
}

func newUpdate(old []float64) *update { return &update{old: old} }

// add adds the measurements of a minibatch. loss and value are the losses of the actor and of the
// critic on it.
func (u *update) add(t *policy.Terms, rows []int32, loss, value, clip float64) {
	u.PolicyLoss += loss
	u.ValueLoss += value
	w := 1 / float64(len(rows))
	for i, r := range rows {
		u.Row(w, t.Entropy[i], t.LogProb[i]-u.old[r], clip)
	}
}

// step takes the gradient step and counts it.
func (u *update) step(b policy.Differentiable, s policy.Settings) error {
	norm, err := b.Update(s)
	u.GradNorm += norm
	u.Steps++
	return err
}

// report writes means over the gradient steps to the metrics.
func (u *update) report(b *base, m *rl.Metrics, s *policy.Settings) error {
	m.LR, m.EntropyCoef, m.Epochs = s.LearningRate, s.EntropyCoef, b.ppo.Epochs
	return m.Diagnose(u.Mean())
}
