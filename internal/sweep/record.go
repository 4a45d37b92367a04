package sweep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"syscall"
	"time"

	"paspo/internal/run/agent"
	"paspo/internal/run/runfolder"
	"paspo/internal/sweep/journal"
)

// record says in the journal what came of a training. The error is one that ends the worker.
func (w *Sweep) record(ctx context.Context, c *claim, result *Result, step int64, seconds float64, err error) error {
	r := c.record
	r.Worker = ""
	r.Seconds += seconds
	r.Step = max(r.Step, step)
	r.State = statePaused
	var stop error
	switch {
	case err == nil && c.until > 0 && step < w.total && result.Return != nil:
		r.Rungs = append(slices.Clone(r.Rungs), Rung{Step: step, Return: *result.Return})
	case err == nil:
		r.State, r.Result = stateDone, *result
	case ctx.Err() != nil:
		stop = ctx.Err()
	case errors.Is(err, runfolder.ErrBusy):
		// A worker that was taken for dead is not. It will see that it has lost its training.
		slog.Warn("a training waits for a worker that seemed dead", "reason", err)
		time.Sleep(poll)
	case errors.Is(err, errTooMany), errors.Is(err, errGivenUp):
	case errors.Is(err, errFaint), transient(err), agent.Lost(err):
		stop = fmt.Errorf("%s: %w", w.RunDir(c.setting, c.seed), err)
	default:
		r.State, r.Error = stateDone, err.Error()
	}
	// It is said even when the worker is to stop.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lease/2)
	defer cancel()
	err = w.journal.Update(last, func(st *journal.State) []journal.Op {
		if !w.holds(c) {
			return nil
		}
		r.Revision++
		id := c.trial
		return []journal.Op{{Code: journal.SetTrialUserAttr, Trial: &id, UserAttr: journal.Attrs{seedKey(c.seed): marshal(r)}}}
	})
	if stop != nil {
		return stop
	}
	return err
}

// transient says whether an error has its cause outside the training, so that it may go
// well another time.
func transient(err error) bool {
	var n syscall.Errno
	return errors.As(err, &n)
}

// processorTime returns that of this process and of those of its children that have ended, such
// as environments in Python, in seconds.
func processorTime() float64 {
	var sum time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if syscall.Getrusage(who, &u) == nil {
			sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
	}
	return sum.Seconds()
}
