package interrupt

import (
	"context"
	"time"
)

// patience is the time that what goes on when its context ends has to end by itself.
const patience = 300 * time.Millisecond

// Await returns what f returns. Where ctx ends first, and f does not end soon after, it returns
// the error of ctx and leaves f behind: what f changes is not to be used then, and late, which
// may be nil, is given what f returns without an error. An f that is saving then, as a function
// says that may be nil, ends by itself and is waited for.
func Await[T any](ctx context.Context, f func() (T, error), saving func() bool, late func(T)) (T, error) {
	type result struct {
		value T
		err   error
	}
	ended := make(chan result, 1)
	go func() {
		v, err := f()
		ended <- result{v, err}
	}()
	var r result
	select {
	case r = <-ended:
		return r.value, r.err
	case <-ctx.Done():
	}
	select {
	case r = <-ended:
		return r.value, r.err
	case <-time.After(patience):
	}
	if saving != nil && saving() {
		r = <-ended
		return r.value, r.err
	}
	go func() {
		if r := <-ended; r.err == nil && late != nil {
			late(r.value)
		}
	}()
	return r.value, ctx.Err()
}
