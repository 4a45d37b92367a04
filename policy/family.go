package policy

import (
	"math/rand/v2"

	"paspo/lp"
)

// Family is a family of distributions over whole actions, one member for every row of an
// actor's outputs z. A draw holds what the density of an action is computed from, so that a
// rollout can store it; the action may be more than the draw says, such as its projection.
// Log-probabilities are those of the draw. A Family is used by one goroutine at a time.
type Family interface {
	// Polytope is what actions are in, or are measured by.
	Polytope() *lp.Polytope

	// Outputs is how many outputs z an actor has for a row, Size how many numbers a draw has.
	Outputs() int
	Size() int

	// Sample writes a draw and its action, given finite outputs z. Under Sampled it draws from
	// source alone; under the other rules source is nil. Limits are those of the state, nil where
	// the polytope's own hold.
	Sample(z []float32, rule Rule, limits *lp.Limits, source rand.Source, draw []float32, action []float64) error

	// LogProb returns the log-density of a draw, and writes its gradient by z where
	// grad is not nil.
	LogProb(z, draw, grad []float32) float64
}

// Entropic is a Family whose entropy is known. Of others, algorithms take -LogProb of
// the draws.
type Entropic interface {
	Family

	// Entropy returns the differential entropy in nats, and writes its gradient by z
	// where grad is not nil.
	Entropy(z, grad []float32) float64
}

// DrawEntropic is a Family that estimates its entropy from what a draw holds.
type DrawEntropic interface {
	Family

	// DrawEntropy returns the estimate, in nats, and writes its gradient by z where grad
	// is not nil.
	DrawEntropy(z, draw, grad []float32) float64
}

// Penalized is a Family with a term of its own in the loss of a policy: one for every draw, beside
// the terms that algorithms make of densities.
type Penalized interface {
	Family

	// Penalty returns the term of a draw, and writes its gradient by z where grad is not nil.
	Penalty(z, draw, grad []float32) float64
}

// Divergent is a Family whose Kullback-Leibler divergences are known.
type Divergent interface {
	Family

	// KL returns KL(z0 || z) in nats, and writes its gradient by z where grad is not nil.
	KL(z0, z, grad []float32) float64

	// Fisher writes F v, with F the Fisher information in z: the Hessian by z of
	// KL(z0 || z) at z = z0.
	Fisher(z, v, out []float32)
}

// Confined is a Family whose actions satisfy every constraint: a backend lets none out that
// does not. Limits that follow the state are satisfied too, or refused.
type Confined interface {
	Family
	Confined()
}
