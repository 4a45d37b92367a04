package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"paspo/internal/interrupt"
)

const (
	// grace is the time in which a command ends by itself after a signal.
	grace = 500 * time.Millisecond

	// patience is the time that it may take where it saves what it has, as training does
	// after the step that it is in. An environment may never return from one.
	patience = 30 * time.Second
)

// stopSignals ask a command to stop, the first of them with all that it has saved. Another
// one after the grace ends the process at once. Within it, it is the same request again:
// where Slurm cancels a job, for one, both it and the job's script send TERM.
var stopSignals = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}

// stopped is the cause of a context that a signal has ended.
type stopped struct{ signal os.Signal }

func (s *stopped) Error() string { return fmt.Sprintf("stopped by a signal (%v)", s.signal) }

// saving counts what must not be cut off when the grace is over.
var saving atomic.Int32

// kept says what is saved where a command does not end by itself after a signal, nil where
// nobody knows.
var kept atomic.Pointer[func() string]

// stoppable returns a context that the first signal ends. Where the command does not
// end within the grace, because it computes what nothing interrupts and saves nothing,
// the process ends all the same.
func stoppable(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	c := make(chan os.Signal, 1)
	for _, s := range stopSignals {
		// nohup has it ignored.
		if !signal.Ignored(s) {
			signal.Notify(c, s)
		}
	}
	done := make(chan struct{})
	go func() {
		select {
		case s := <-c:
			cancel(&stopped{s})
		case <-done:
			return
		}
		time.Sleep(grace)
		signal.Reset(stopSignals...)
		if saving.Load() > 0 {
			for end := time.Now().Add(patience); saving.Load() > 0 && time.Now().Before(end); {
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(grace) // to say what is left
		}
		err := interruption(ctx)
		if left := kept.Load(); left != nil {
			err.err = fmt.Errorf("%w; %s", err.err, (*left)())
		}
		complain(os.Stderr, err)
		os.Exit(err.code)
	}()
	return ctx, func() { close(done); cancel(nil) }
}

// interruption is how a command ends whose context a signal has ended: with 128 and
// the number of the signal, 130 for Ctrl-C.
func interruption(ctx context.Context) *exitError {
	code := 128 + int(syscall.SIGINT)
	var s *stopped
	if errors.As(context.Cause(ctx), &s) {
		if n, ok := s.signal.(syscall.Signal); ok {
			code = 128 + int(n)
		}
	}
	return &exitError{code, errors.New("interrupted")}
}

// interrupts reports whether err is that of a context that has ended.
func interrupts(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, ctx.Err())
}

// orInterruption returns err, and an interruption in place of the error of ctx.
func orInterruption(ctx context.Context, err error) error {
	if interrupts(ctx, err) {
		return interruption(ctx)
	}
	return err
}

// await returns what f does, or an interruption soon after ctx ends: some steps, such as a
// linear program of CLP, do not look at it. What f changes is not to be used then.
func await[T any](ctx context.Context, f func(context.Context) (T, error)) (T, error) {
	v, err := interrupt.Await(ctx, func() (T, error) { return f(ctx) }, nil, nil)
	return v, orInterruption(ctx, err)
}
