package policy

import "math"

// Differentiable is a Backend for algorithms that state a loss of their own. They write the
// derivatives of the loss by the terms of every row, and the backend does the rest:
//
//	t := b.Forward(rows)
//	for i := range rows { t.DLogProb[i] = .. }
//	b.Backward(t)
//	b.Update(settings)
//
// The parameters of the actor come first, in one slice that algorithms may write to.
type Differentiable interface {
	Backend

	// Costs is the number of critics of costs.
	Costs() int

	// Family is what the policy draws from, and Draws the draws of the loaded batch.
	Family() Family
	Draws() []float32

	// Forward evaluates rows of the loaded batch, as many as it has at most. The terms
	// are valid until the next Forward.
	Forward(rows []int32) *Terms

	// Backward adds the gradient by the parameters of a loss with the derivatives that the
	// terms hold.
	Backward(t *Terms)

	// Update takes one step of Adam along the gradient, clears it and returns its norm
	// before clipping. Critics of costs do not count in it: their gradient is clipped on its own.
	Update(s Settings) (norm float64, err error)

	// Diverge has Forward compute divergences too.
	Diverge()

	// Hold makes the present policy the one that ratios and KL of Terms are of. Load
	// does so too.
	Hold() error

	// Actor returns the parameters of the actor, and Gradient what Backward has added
	// up for them. Whoever writes to the parameters calls Moved.
	Actor() []float32
	Gradient() []float32
	Moved()

	// Fisher adds F v to the gradient, with F the Fisher information of the held policy
	// in the parameters of the actor, a mean over all rows of the batch. The actor's parameters
	// have to be those of the held policy. It is an error where the family is not Divergent.
	Fisher(v []float32) error
}

// Terms are what a policy and its critics say of rows of a batch, and the derivatives of
// a loss by them, which Forward clears.
type Terms struct {
	LogProb []float64 // one a row, as are those below
	Ratio   []float64 // of the probability to that of the held policy
	Entropy []float64 // -LogProb where the family does not know its entropy
	KL      []float64 // from the held policy, 0 without Diverge or where the family does not know it
	Penalty []float64 // 0 where the family has none
	Value   []float32 // of the critic
	Cost    []float32 // rows x costs, of the critics of costs

	// Derivatives of the loss by the terms, in their shapes.
	DLogProb, DEntropy, DKL, DPenalty []float64
	DValue, DCost                     []float32
}

// Ratio returns that of two probabilities from the difference of their logarithms, up to
// e^20: what is larger pushes no further, and a sum of it would not be finite.
func Ratio(logDifference float64) float64 {
	const most = 20
	return math.Exp(min(logDifference, most))
}

// Surrogate returns the clipped surrogate of a row and its derivative by the
// log-probability (Schulman et al., arXiv 1707.06347, equation 7):
//
//	min(rho A, clip(rho, 1-eps, 1+eps) A)
func Surrogate(ratio, advantage, clip float64) (value, slope float64) {
	value = ratio * advantage
	if clipped := min(max(ratio, 1-clip), 1+clip) * advantage; clipped < value {
		return clipped, 0
	}
	return value, value
}
