package adam

import (
	"math"

	"paspo/internal/blas"
	"paspo/policy"
)

// Optimizer is Adam (Kingma and Ba, arXiv 1412.6980, algorithm 1). The gradient is clipped,
// and weight decay is then added to it (L2).
type Optimizer struct {
	M, V []float32 // first and second moments
	Step int64     // steps taken
}

// clipSlack is added to the norm before clipping divides by it, as torch does.
const clipSlack = 1e-6

// Ceiling returns the ceiling of the norm of a gradient.
func Ceiling(s *policy.Settings) blas.Ceiling {
	return blas.Ceiling{Max: s.MaxGradNorm, Slack: clipSlack}
}

// Next returns the coefficients of the next step. The caller sets Scale, the factor of
// clipping.
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

// Apply takes one step on the parameters w with the gradient g, and returns the norm of g
// before clipping. Where the norm is not finite, no step is taken. ok reports whether the
// parameters are finite afterwards.
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
