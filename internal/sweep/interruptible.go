package sweep

import (
	"context"
	"io"
	"time"
)

// interruptible returns what open does, or the error of ctx soon after that has ended: what
// prepares a training may take minutes, and leaves nothing to save. What it opens later is closed.
func interruptible[T io.Closer](ctx context.Context, open func() (T, error)) (T, error) {
	const patience = 300 * time.Millisecond
	type result struct {
		opened T
		err    error
	}
	ended := make(chan result, 1)
	go func() {
		opened, err := open()
		ended <- result{opened, err}
	}()
	var late <-chan time.Time
	stop := ctx.Done()
	for {
		select {
		case r := <-ended:
			return r.opened, r.err
		case <-stop:
			stop, late = nil, time.After(patience)
		case <-late:
			go func() {
				if r := <-ended; r.err == nil {
					r.opened.Close()
				}
			}()
			var none T
			return none, ctx.Err()
		}
	}
}
