package convergence

import (
	"context"

	"paspo/internal/rng"
	"paspo/internal/stats"
	"paspo/policy"
	"paspo/rl"
)

// Minibatches is how many a first gradient is taken from: where its noise is larger, it
// hides the mean of all.
const Minibatches = 64

// Gradients is a learner that learns nothing: it takes the gradients of minibatches of
// one rollout.
type Gradients struct {
	Backend   policy.Backend
	Minibatch int // rows

	all [][]float64
}

func (*Gradients) Streams() []*rng.Stream { return nil }
func (*Gradients) Facts() []rl.Fact       { return nil }
func (*Gradients) Scheduled() bool        { return false }

// Learn implements rl.Learner. A first moment of Adam that forgets all at once is the
// gradient, and so small a learning rate leaves the parameters as they are.
func (g *Gradients) Learn(_ context.Context, r *rl.Rollout, _ float64, _ *rl.Metrics) error {
	mean, std := stats.MeanStd(r.Advantages)
	for i, a := range r.Advantages {
		r.Batch.Advantage[i] = float32((a - mean) / (std + stats.VarianceFloor))
	}
	if err := g.Backend.Load(&r.Batch); err != nil {
		return err
	}
	rows := make([]int32, g.Minibatch)
	for at := 0; at < r.Batch.Rows; at += g.Minibatch {
		for i := range rows {
			rows[i] = int32(at + i)
		}
		if err := g.Backend.Step(rows, policy.Settings{LearningRate: 1e-30, Clip: 1, Beta2: 0.5, Epsilon: 1}); err != nil {
			return err
		}
		state, err := g.Backend.State()
		if err != nil {
			return err
		}
		var all []float64
		for _, t := range state.M {
			for _, x := range t.Data {
				all = append(all, float64(x))
			}
		}
		g.all = append(g.all, all)
	}
	return nil
}

// Noise is the sum of the variances over the sum of the squared means, which the noise
// of the means is taken off.
func (g *Gradients) Noise() float64 {
	n := float64(len(g.all))
	var variance, square float64
	for k := range g.all[0] {
		var m stats.Running
		for _, x := range g.all {
			m.Add(x[k])
		}
		v := m.M2 / (n - 1)
		variance += v
		square += m.Mean*m.Mean - v/n
	}
	if square <= 0 {
		return 0
	}
	return variance / square
}
