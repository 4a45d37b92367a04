package lp

import (
	"context"
	"sync/atomic"

	"paspo/lp/internal/optima"
)

type progressKey struct{}

// WithProgress returns a context that tells how far what runs under it is: show is
// called with the name of a stage and how many of its parts are done, now and then and
// from several goroutines.
func WithProgress(ctx context.Context, show func(stage string, done, total int)) context.Context {
	return context.WithValue(ctx, progressKey{}, show)
}

// Stage begins a stage. It returns a function to call with the number of parts done since.
func Stage(ctx context.Context, name string, total int) func(parts int) {
	show, ok := ctx.Value(progressKey{}).(func(string, int, int))
	if !ok {
		return func(int) {}
	}
	show(name, 0, total)
	var done atomic.Int64
	return func(parts int) { show(name, int(done.Add(int64(parts))), total) }
}

// stages is Stage under one context.
func stages(ctx context.Context) optima.Stage {
	return func(name string, total int) func(int) { return Stage(ctx, name, total) }
}
