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
	// grace is the time that a command has to end by itself after a signal.
	grace = 500 * time.Millisecond

	// savingTime is the time that a command has which saves its state first, as training does
	// after the present step. It is limited because an environment may never return from a step.
	savingTime = 30 * time.Second
)

// stopSignals stop a command. At the first one it saves its state and ends; another one after the
// grace time ends the process at once. Within the grace time another one changes nothing: when
// Slurm cancels a job, both Slurm and the job's script send TERM.
var stopSignals = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}

// stopped is the cancellation cause of a context that a signal has ended.
type stopped struct{ signal os.Signal }

func (s *stopped) Error() string { return fmt.Sprintf("stopped by a signal (%v)", s.signal) }

// saving counts the activities that save their state after a signal, and get savingTime for it.
var saving atomic.Int32

// savedState describes what is saved where a command does not end by itself after a signal, nil
// for no description.
var savedState atomic.Pointer[func() string]

// stoppable returns a context that the first signal ends. Where the command does not end within
// the grace time and saves nothing, because its computation cannot be interrupted, the process
// ends all the same.
func stoppable(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	c := make(chan os.Signal, 1)
	for _, s := range stopSignals {
		// nohup starts commands with HUP ignored.
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
			for end := time.Now().Add(savingTime); saving.Load() > 0 && time.Now().Before(end); {
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(grace) // for the command to print its own message
		}
		err := interruption(ctx)
		if describe := savedState.Load(); describe != nil {
			err.err = fmt.Errorf("%w; %s", err.err, (*describe)())
		}
		complain(os.Stderr, err)
		os.Exit(err.code)
	}()
	return ctx, func() { close(done); cancel(nil) }
}

// interruption returns the error of a command whose context a signal has ended. Its status is 128
// plus the number of the signal, 130 for Ctrl-C.
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

// interrupts reports whether ctx has ended and err is its error.
func interrupts(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, ctx.Err())
}

// orInterruption returns err, or an interruption where err is the error of ctx.
func orInterruption(ctx context.Context, err error) error {
	if interrupts(ctx, err) {
		return interruption(ctx)
	}
	return err
}

// await returns the result of f, or an interruption soon after ctx ends, although some steps of f,
// such as a linear program of CLP, do not check ctx. After an interruption f may still be running
// and changing its variables, so that they must not be used.
func await[T any](ctx context.Context, f func(context.Context) (T, error)) (T, error) {
	v, err := interrupt.Await(ctx, func() (T, error) { return f(ctx) }, nil, nil)
	return v, orInterruption(ctx, err)
}
