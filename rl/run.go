package rl

import (
	"context"
	"errors"
	"fmt"
	"time"

	"paspo/envs"
	"paspo/rl/internal/checkpoint"
)

// Hooks are what Run calls. All may be left out.
type Hooks struct {
	// Checkpoints is the folder for checkpoints; none are written where it is
	// empty.
	Checkpoints string

	// Iteration is called after every iteration, before the checkpoint that holds
	// it. Its error ends the run.
	Iteration func(Metrics) error

	// Flush is called before a checkpoint is written: what Iteration has recorded
	// until then must outlast whatever the checkpoint outlasts.
	Flush func() error

	// Saved is called with the path of every checkpoint.
	Saved func(path string)
}

// Run trains to the end, evaluates now and then, and keeps checkpoints: the initial state, the last
// few, the best. A checkpoint that is due before CheckpointSeconds are over is not written; a run
// that is killed then learns again what came after the one before. Where ctx ends training, the
// state after the last complete iteration is saved and the error wraps that of ctx. That state is
// also saved when a backend fails or a number is not finite. In the latter case the state in which
// the number was found is saved beside it, under a name that no run is resumed from.
func (t *Trainer) Run(ctx context.Context, h Hooks) error {
	var s *checkpoint.Folder
	if h.Checkpoints != "" {
		var err error
		if s, err = checkpoint.Open(h.Checkpoints, t.cfg.CheckpointKeep); err != nil {
			return err
		}
	}
	// save writes a checkpoint under its number, or under a name.
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
	written := time.Now() // the last checkpoint
	var best *Checkpoint  // that is to be written
	saveBest := func() error {
		if best == nil {
			return nil
		}
		_, err := save(BestCheckpoint, best)
		best = nil
		return err
	}
	for t.iteration < t.cfg.Iterations() {
		m, err := t.apart(ctx)
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
						err = also(err, e)
					}
				}
			}
			err = also(err, saveBest())
			if lastSaved != t.committed.Iteration {
				_, e := save("", t.committed)
				err = also(err, e)
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

// apart is cycle on a goroutine of its own. An environment that ends it ends training with
// an error, and not the goroutine of the caller, which could save nothing more.
func (t *Trainer) apart(ctx context.Context) (m Metrics, err error) {
	err = fmt.Errorf("an environment: %w", envs.ErrGoexit)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		m, err = t.cycle(ctx)
	}()
	<-ended
	if fault := t.vector.Fault(); fault != nil && errors.Is(err, envs.ErrGoexit) {
		err = fault
	}
	return m, err
}

// cycle is an iteration with the evaluation that follows it: both are done or
// neither.
func (t *Trainer) cycle(ctx context.Context) (Metrics, error) {
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

// also adds a second error on the same line.
func also(err, second error) error {
	if second == nil {
		return err
	}
	return fmt.Errorf("%w; %w", err, second)
}
