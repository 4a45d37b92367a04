package cli

import (
	"context"
	"errors"
)

// await returns what f does, or an error as soon as ctx ends: some steps, such as a
// linear program of CLP, do not look at it. What f changes is not to be used then.
func await[T any](ctx context.Context, f func(context.Context) (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	ended := make(chan result, 1)
	go func() {
		v, err := f(ctx)
		ended <- result{v, err}
	}()
	var r result
	select {
	case r = <-ended:
	case <-ctx.Done():
		r.err = ctx.Err()
	}
	if errors.Is(r.err, context.Canceled) {
		r.err = interruption(ctx)
	}
	return r.value, r.err
}
