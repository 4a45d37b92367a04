package rl

import (
	"context"
	"sync"

	"paspo/policy"
)

// Together runs trainers side by side, each on a goroutine of its own, and
// returns the error of each. hooks is nil or has one element a trainer; they are
// called from that trainer's goroutine. Where one fails the others go on.
//
// Each trainer learns what it learns when run alone, bit for bit. Those whose backends
// are policy.Shared wait for each other at every request, so that the device
// serves all of them at once.
func Together(ctx context.Context, trainers []*Trainer, hooks []Hooks) []error {
	errs := make([]error, len(trainers))
	// All join before the first request, so that no early request is served alone.
	for _, t := range trainers {
		if s, ok := t.backend.(policy.Shared); ok {
			s.Join()
		}
	}
	var group sync.WaitGroup
	for i, t := range trainers {
		group.Go(func() {
			if s, ok := t.backend.(policy.Shared); ok {
				defer s.Leave()
			}
			var h Hooks
			if hooks != nil {
				h = hooks[i]
			}
			errs[i] = t.Run(ctx, h)
		})
	}
	group.Wait()
	return errs
}
