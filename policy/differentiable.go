package policy

import "math"

// Differentiable is a Backend for algorithms that have a loss of their own. They write the
// derivatives of the loss with respect to the terms of every row, and the backend
// propagates them to the parameters:
//
//	t := b.Forward(rows)
//	for i := range rows { t.DLogProb[i] = .. }
//	b.Backward(t)
//	b.Update(settings)
//
// The parameters of the actor come first, in one slice that algorithms may write to.
type Differentiable interface {
	Backend

	// Costs returns the number of costs that critics are learned for.
	Costs() int

	// Family returns the distributions of the policy, Draws the draws of the loaded batch.
	Family() Family
	Draws() []float32

	// Forward evaluates rows of the loaded batch. The terms are valid until the next
	// Forward.
	Forward(rows []int32) *Terms

	// Backward adds to the gradient that of the loss whose derivatives t holds.
	Backward(t *Terms)

	// Update takes one step of Adam along the gradient, clears it and returns the norm
	// that it had before clipping. The gradient of the critics of costs is clipped on its
	// own and does not count in the norm.
	Update(s Settings) (norm float64, err error)

	// ComputeKL makes Forward compute KL too.
	ComputeKL()

	// SetOldPolicy makes the present policy the old policy, which Ratio and KL of Terms compare
	// with. Load does so too.
	SetOldPolicy() error

	// Actor returns the parameters of the actor, Gradient the gradient that Backward has
	// added up for them. A caller that writes to the parameters calls ParamsChanged afterwards.
	Actor() []float32
	Gradient() []float32
	ParamsChanged()

	// Fisher adds F v to the gradient, with F the Fisher information of the old policy
	// with respect to the parameters of the actor, a mean over all rows of the batch. The
	// actor must have the parameters of the old policy. It is an error where the family is
	// not Divergent.
	Fisher(v []float32) error
}

// Terms are the quantities of a row that a loss is made of, for the rows of a minibatch, and
// the derivatives of the loss with respect to them, which Forward clears.
type Terms struct {
	LogProb []float64 // one a row, as are those below
	Ratio   []float64 // of the probability to that under the old policy
	Entropy []float64 // -LogProb where the family does not know its entropy
	KL      []float64 // KL(old || present), 0 without ComputeKL or where the family does not know it
	Penalty []float64 // 0 where the family has none
	Value   []float32 // of the critic
	Cost    []float32 // rows x costs, of the critics of costs

	// Derivatives of the loss with respect to the terms, in their shapes.
	DLogProb, DEntropy, DKL, DPenalty []float64
	DValue, DCost                     []float32
}

// Ratio returns the ratio of two probabilities, given the difference of their logarithms,
// and at most e^20: sums of larger ratios would not stay finite.
func Ratio(logDifference float64) float64 {
	const most = 20
	return math.Exp(min(logDifference, most))
}

// Surrogate returns the clipped surrogate of a row and its derivative with respect to the
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
