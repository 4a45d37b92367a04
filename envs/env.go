// Package envs holds the environments of the paper and what is needed to write
// and to step others. It knows polytopes and nothing of training.
//
// An environment of one's own implements Env, and a Problem makes copies of it
// and states the polytope of its actions: see the first example. Limits that
// follow the state are set by a Limiter. Where runs are to resume bit for bit,
// the environment is a Snapshotter too. Vector steps thousands of copies.
//
// The benchmarks of the paper are made by NewPortfolio, NewCompute and
// NewSynthetic, or by name with New. Policies that need no training come as an
// Allocator; Play and PortfolioProblem.PlayPaths compare policies on the same
// draws.
package envs

import (
	"encoding"
	"math/rand/v2"

	"paspo/lp"
)

// Env is one environment whose actions are allocations. It is stepped by one
// goroutine at a time.
//
// All randomness comes from rng, so an episode depends on the stream alone.
type Env interface {
	// Reset starts an episode and writes the first observation.
	Reset(rng *rand.Rand, obs []float64)

	// Step takes an allocation that satisfies the polytope, writes the next
	// observation and returns the reward. After done, Reset comes next.
	Step(rng *rand.Rand, action, obs []float64) (reward float64, done bool)
}

// Limiter is implemented by environments whose limits follow the state. Limits
// is called before every action; the slices it sets are read until the next
// Reset or Step.
type Limiter interface {
	Limits(*lp.Limits)
}

// Snapshotter is implemented by environments that can be saved in the middle of
// an episode. A run resumes bit for bit only where the environment is one; else
// resumed runs start new episodes.
type Snapshotter interface {
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

// Problem is a task to train on: the polytope of its actions and copies of its
// environment.
type Problem interface {
	Spec() Spec

	// New returns a copy of the environment. Copies share no mutable state.
	New() Env
}

// Spec describes a problem.
type Spec struct {
	Name     string
	ObsDim   int
	ObsNames []string // one a component of the observation; nil where unnamed
	Polytope *lp.Polytope

	// NormalizeObs says whether observations are to be standardised by their
	// running mean and deviation.
	NormalizeObs bool
}
