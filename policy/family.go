package policy

import (
	"math/rand/v2"

	"paspo/lp"
)

// Family is a family of distributions over whole actions. The outputs z of an actor choose
// one of them for every row. A rollout stores the draw, which the density is computed from;
// the action is computed from the draw, such as by a projection, and need not determine it.
// Log-probabilities are those of the draw. A Family is used by one goroutine at a time.
type Family interface {
	// Polytope returns the polytope whose residuals actions have. Actions of a Confined
	// family lie in it.
	Polytope() *lp.Polytope

	// Outputs returns the number of outputs z of the actor for a row, DrawSize the number
	// of components of a draw.
	Outputs() int
	DrawSize() int

	// Sample writes a draw and its action, given finite outputs z. Under Sampled it draws from
	// source alone; under the other rules source is nil. Limits are those of the state, nil where
	// the polytope's own apply.
	Sample(z []float32, rule Rule, limits *lp.Limits, source rand.Source, draw []float32, action []float64) error

	// LogProb returns the log-density of a draw, and writes its gradient with respect to z
	// where grad is not nil.
	LogProb(z, draw, grad []float32) float64
}

// Entropic is a Family whose entropy is known. For other families algorithms take -LogProb
// of the draws.
type Entropic interface {
	Family

	// Entropy returns the differential entropy in nats, and writes its gradient with
	// respect to z where grad is not nil.
	Entropy(z, grad []float32) float64
}

// DrawEntropic is a Family that estimates its entropy from a draw.
type DrawEntropic interface {
	Family

	// DrawEntropy returns the estimate, in nats, and writes its gradient with respect to z
	// where grad is not nil.
	DrawEntropy(z, draw, grad []float32) float64
}

// Penalized is a Family that adds a term of its own to the loss, one for every draw.
type Penalized interface {
	Family

	// Penalty returns the term of a draw, and writes its gradient with respect to z where
	// grad is not nil.
	Penalty(z, draw, grad []float32) float64
}

// Divergent is a Family whose Kullback-Leibler divergences are known.
type Divergent interface {
	Family

	// KL returns KL(z0 || z) in nats, and writes its gradient with respect to z where grad
	// is not nil.
	KL(z0, z, grad []float32) float64

	// Fisher writes F v, with F the Fisher information with respect to z: the Hessian of
	// KL(z0 || z) in z at z = z0.
	Fisher(z, v, out []float32)
}

// Confined is a Family whose actions satisfy every constraint: a backend returns an error
// instead of an action that does not. Limits that follow the state are satisfied too, or are
// an error.
type Confined interface {
	Family
	Confined()
}
