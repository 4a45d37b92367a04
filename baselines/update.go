package baselines

import (
	"paspo/policy"
	"paspo/rl"
)

// update gathers what the gradient steps of an iteration measure, as sums over them.
type update struct {
	policy.Diagnostics
	old []float64 // log-probabilities of the policy that acted
}

func newUpdate(old []float64) *update { return &update{old: old} }

// see measures a minibatch. loss and value are the losses of the actor and of the critic on it.
func (u *update) see(t *policy.Terms, rows []int32, loss, value, clip float64) {
	u.PolicyLoss += loss
	u.ValueLoss += value
	w := 1 / float64(len(rows))
	for i, r := range rows {
		u.Row(w, t.Entropy[i], t.LogProb[i]-u.old[r], clip)
	}
}

// step takes the gradient step.
func (u *update) step(b policy.Differentiable, s policy.Settings) error {
	norm, err := b.Update(s)
	u.GradNorm += norm
	u.Steps++
	return err
}

// report writes the means to the metrics.
func (u *update) report(b *base, m *rl.Metrics, s *policy.Settings) error {
	m.LR, m.EntropyCoef, m.Epochs = s.LearningRate, s.EntropyCoef, b.ppo.Epochs
	return m.Diagnose(u.Mean())
}
