package rl

import (
	"context"

	"paspo/internal/rng"
)

// Learner is an algorithm: it improves the policy of a backend from rollouts.
type Learner interface {
	// Learn improves the policy on the transitions of one iteration and adds what it
	// measured to m. progress goes from 0 in the first iteration to 1 in the last.
	// Rows that r.Skipped names are not to be learned from.
	// Where ctx ends it, the error is that of ctx.
	Learn(ctx context.Context, r *Rollout, progress float64, m *Metrics) error

	// Streams returns the random streams that Learn draws from. Checkpoints carry them.
	Streams() []*rng.Stream

	// Facts returns the settings that change what is learned, those of the loop too. A
	// checkpoint carries them, and what goes on with it must state the same.
	Facts() []Fact

	// Scheduled says whether settings follow progress.
	Scheduled() bool
}
