package rl

import (
	"context"
	"errors"
	"fmt"
	"time"

	"paspo/envs"
	"paspo/rl/internal/checkpoint"
)

// Hooks are the folder that Run writes to and the functions that it calls. All are optional.
type Hooks struct {
	// Checkpoints is the folder for checkpoints; none are written where it is
	// empty.
	Checkpoints string

	// Iteration is called after every iteration, before the checkpoint that holds
	// it. Its error ends the run.
	Iteration func(Metrics) error

	// Flush is called before a checkpoint is written. It must bring to disk what Iteration
	// has recorded, so that no checkpoint is ahead of the records.
	Flush func() error

	// Saved is called with the path of every checkpoint that was written.
	Saved func(path string)
}

// Run trains to the end, evaluates now and then, and keeps checkpoints: the initial state, the last
// few, the best. A checkpoint that is due less than CheckpointSeconds after the last one is not
// written; a run that is killed then repeats the iterations since the last one. Where ctx ends
// training, the state after the last complete iteration is saved and the error wraps that of ctx.
// That state is also saved when a backend fails or a number is not finite. In the latter case the
// state in which the number was found is saved too, under a name that no run resumes from.
func (t *Trainer) Run(ctx context.Context, h Hooks) error {
	var s *checkpoint.Folder
	if h.Checkpoints != "" {
		var err error
		if s, err = checkpoint.Open(h.Checkpoints, t.cfg.CheckpointKeep); err != nil {
			return err
		}
	}
	// save writes a checkpoint under its number, or under name where that is not empty.
	save := func(name string, c *Checkpoint) (path string, err error) {
		if h.Flush != nil {
			if err := h.Flush(); err != nil {
				return "", err
			}
		}
		if name == "" {
			path, err = s.Save(c)
		} else {
			path, err = s.SaveAs(name, c)
		}
		if err == nil && h.Saved != nil {
			h.Saved(path)
		}
		return path, err
	}
	if s != nil && t.iteration == 0 {
		if _, err := save(InitialCheckpoint, t.committed); err != nil {
			return err
		}
	}
	lastSaved := t.iteration
	if t.iteration == 0 {
		lastSaved = -1 // so that a run that stops at once can be resumed
	}
	written := time.Now() // when the last checkpoint was written
	var best *Checkpoint  // the best checkpoint, nil where it has been written
	saveBest := func() error {
		if best == nil {
			return nil
		}
		_, err := save(BestCheckpoint, best)
		best = nil
		return err
	}
	for t.iteration < t.cfg.Iterations() {
		last := t.committed
		m, err := t.iterateGuarded(ctx, func() {
			if s == nil || lastSaved == last.Iteration {
				return
			}
			// What fails here fails again once the iteration has ended, if it does.
			if _, err := save("", last); err == nil && saveBest() == nil {
				lastSaved = last.Iteration
			}
		})
		if err == nil {
			if t.best.Iteration == t.iteration {
				best = t.committed
			}
			if h.Iteration != nil {
				err = h.Iteration(m)
			}
		}
		if err != nil {
			if s == nil {
				return err
			}
			var nf *NonFiniteError
			if errors.As(err, &nf) {
				if c, e := t.capture(); e == nil {
					if path, e := save(checkpoint.FailedName(nf.Iteration), c); e == nil {
						nf.Checkpoint = path
					} else {
						err = oneLine(err, e)
					}
				}
			}
			err = oneLine(err, saveBest())
			if lastSaved != t.committed.Iteration {
				_, e := save("", t.committed)
				err = oneLine(err, e)
			}
			return err
		}
		if s == nil {
			continue
		}
		if t.iteration < t.cfg.Iterations() && time.Since(written).Seconds() < t.cfg.CheckpointSeconds {
			continue
		}
		due := t.due(t.cfg.CheckpointEvery)
		if !due && best == nil {
			continue
		}
		if err := saveBest(); err != nil {
			return err
		}
		if due {
			if _, err := save("", t.committed); err != nil {
				return err
			}
			lastSaved = t.iteration
		}
		written = time.Now()
	}
	return nil
}

// patience is how long an iteration may take to end once the context has ended.
const patience = time.Second

// iterateGuarded runs iterateAndEvaluate on a goroutine of its own. An environment that ends its
// goroutine (runtime.Goexit) then ends training with an error, and the caller can still save. Where
// the context ends and the iteration does not, for example because an environment does not return
// from a step, it calls save while it waits, since the process may be ended before the environment returns.
func (t *Trainer) iterateGuarded(ctx context.Context, save func()) (m Metrics, err error) {
	err = fmt.Errorf("an environment: %w", envs.ErrGoexit)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		m, err = t.iterateAndEvaluate(ctx)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		select {
		case <-ended:
		case <-time.After(patience):
			save()
			<-ended
		}
	}
	if fault := t.vector.Fault(); fault != nil && errors.Is(err, envs.ErrGoexit) {
		err = fault
	}
	return m, err
}

// iterateAndEvaluate does one iteration and the evaluation that is due after it. Only when both
// succeed is the new state committed.
func (t *Trainer) iterateAndEvaluate(ctx context.Context) (Metrics, error) {
	n := t.iteration + 1
	m, err := t.iterate(ctx)
	if err == nil && t.cfg.EvalEvery > 0 && t.due(t.cfg.EvalEvery) {
		err = t.evaluate(ctx, &m)
	}
	if err != nil {
		return m, t.failed(ctx, n, err)
	}
	return m, t.commit()
}

// oneLine joins two errors on one line. second may be nil.
func oneLine(err, second error) error {
	if second == nil {
		return err
	}
	return fmt.Errorf("%w; %w", err, second)
}
