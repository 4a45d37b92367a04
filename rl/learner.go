package rl

import (
	"context"

	"paspo/internal/rng"
)

// Learner is an algorithm: it improves the policy of a backend from rollouts.
type Learner interface {
	// Learn improves the policy on the transitions of one iteration and adds its
	// measurements to m. progress goes from 0 in the first iteration to 1 in the last.
	// Learn must not learn from the rows r.Skipped. Where ctx ends, it returns the error
	// of ctx.
	Learn(ctx context.Context, r *Rollout, progress float64, m *Metrics) error

	// Streams returns the random streams that Learn draws from. Checkpoints carry them.
	Streams() []*rng.Stream

	// Facts returns the settings that change what is learned, those of the loop too.
	Facts() []Fact

	// Scheduled reports whether settings depend on progress.
	Scheduled() bool
}
