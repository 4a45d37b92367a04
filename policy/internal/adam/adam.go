// Package adam is the optimiser of the CPU backend.
package adam

import (
	"math"

	"paspo/internal/blas"
	"paspo/policy"
)

// Optimizer is the optimiser (Kingma and Ba, arXiv 1412.6980, algorithm 1) with
// weight decay as L2 in the gradient, and the gradient clipped before that.
type Optimizer struct {
	M, V []float32
	Step int64
}

// clipSlack is what torch adds to the norm when it clips.
const clipSlack = 1e-6

// Ceiling is that of the norm of a gradient.
func Ceiling(s *policy.Settings) blas.Ceiling {
	return blas.Ceiling{Max: s.MaxGradNorm, Slack: clipSlack}
}

// Next returns the numbers of the next step but for the Scale.
func (a *Optimizer) Next(s *policy.Settings) blas.AdamStep {
	t := float64(a.Step + 1)
	return blas.AdamStep{
		Decay: float32(s.WeightDecay),
		Beta1: float32(s.Beta1), Beta2: float32(s.Beta2), Gain1: float32(1 - s.Beta1), Gain2: float32(1 - s.Beta2),
		Rate:      float32(s.LearningRate / (1 - math.Pow(s.Beta1, t))),
		RootScale: float32(1 / math.Sqrt(1-math.Pow(s.Beta2, t))),
		Epsilon:   float32(s.Epsilon),
	}
}

// Apply takes one step and returns the norm of the gradient before clipping. A
// norm that is not finite changes nothing. ok says that the parameters are
// finite afterwards.
func (a *Optimizer) Apply(w, g []float32, s *policy.Settings) (norm float64, ok bool) {
	norm = math.Sqrt(blas.SumSquares(g))
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		return norm, true
	}
	step := a.Next(s)
	step.Scale = 1
	if s.MaxGradNorm > 0 {
		step.Scale = float32(min(1, s.MaxGradNorm/(norm+clipSlack)))
	}
	ok = blas.Adam(&step, w, g, a.M, a.V)
	a.Step++
	return norm, ok
}
