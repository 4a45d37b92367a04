package cli

import (
	"context"
	"errors"

	"paspo/internal/interrupt"
)

// await returns what f does, or an interruption soon after ctx ends: some steps, such as a
// linear program of CLP, do not look at it. What f changes is not to be used then.
func await[T any](ctx context.Context, f func(context.Context) (T, error)) (T, error) {
	v, err := interrupt.Await(ctx, func() (T, error) { return f(ctx) }, nil, nil)
	if errors.Is(err, context.Canceled) {
		err = interruption(ctx)
	}
	return v, err
}
