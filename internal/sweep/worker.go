package sweep

import (
	"context"
	"path/filepath"
	"time"
)

// poll is the longest time between two looks at a journal in which there was nothing to do. The
// first ones are soon: what a worker waits for is often a training of the same length as its own.
var poll = 500 * time.Millisecond

const firstPoll = 10 * time.Millisecond

// Work trains until nothing is left, or until ctx ends; then it saves what it trains and
// gives it back. What other workers train it waits for, as it may have to go on with it.
func (w *Sweep) Work(ctx context.Context) error {
	onGPU, err := w.checkWorker(ctx)
	if err != nil {
		return err
	}
	p, err := w.newPulse()
	if err != nil {
		return err
	}
	defer p.close()
	others := &watch{dir: filepath.Join(w.Dir, workersDir)}
	most := 1
	if onGPU {
		most = w.together()
	}
	pause := firstPoll
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		// Files that the base names are copied into every run; at those Open has looked.
		if err := w.unchanged(false); err != nil {
			return err
		}
		claims, done, err := w.claims(ctx, others, most)
		switch {
		case err != nil:
			return err
		case done:
			return nil
		case len(claims) == 0:
			p.at("", 0, 0) // its last training would count as running
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(pause):
			}
			pause = min(2*pause, poll)
			continue
		case onGPU:
			most, err = w.trainTogether(ctx, p, claims)
		default:
			err = w.train(ctx, p, claims[0])
		}
		if err != nil {
			return err
		}
		pause = firstPoll
	}
}

// claims takes up to a number of trainings.
func (w *Sweep) claims(ctx context.Context, others *watch, most int) (all []*claim, done bool, err error) {
	for len(all) < most {
		c, done, err := w.claim(ctx, others)
		if err != nil || c == nil {
			return all, done && len(all) == 0, err
		}
		all = append(all, c)
	}
	return all, false, nil
}

// train trains what a worker has taken, and says in the journal what came of it. The error
// is one that ends the worker.
func (w *Sweep) train(ctx context.Context, p *pulse, c *claim) error {
	before := processorTime()
	result, step, err := w.advance(ctx, p, c)
	return w.record(ctx, c, result, step, processorTime()-before, err)
}
