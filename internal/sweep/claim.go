package sweep

import (
	"context"
	"fmt"
	"slices"

	"paspo/internal/sweep/journal"
	"paspo/internal/sweep/search"
)

// claim is a training that a worker has taken.
type claim struct {
	part    *part
	trial   int // ID
	setting int
	point   search.Point
	seed    uint64
	record  Record
	until   int64 // step to train to at which settings are compared, 0 for the end
}

// step is what a worker does next: appends operations, or takes a training.
type step struct {
	ops   []journal.Op
	claim *claim
	done  bool
}

// next returns what is to be done next, as the journal stands.
func (w *Sweep) next(st *journal.State, others *watch) step {
	all := w.trials(st, w.search)
	s, open := w.goOn(all, others)
	more := len(all) < w.Spec.Search.Trials
	if len(s.ops) > 0 && !(more && w.Compares()) {
		return s
	}
	if more {
		if p := w.method.Suggest(results(all)); p != nil {
			return step{ops: []journal.Op{w.begin(0, len(all), p)}}
		}
		return step{}
	}
	if open {
		return step{}
	}
	best := w.best(all)
	if len(best) == 0 {
		return step{done: true}
	}
	study := w.study(st, w.report)
	if study == nil {
		name := reportStudy(st.Studies[0])
		return step{ops: []journal.Op{{Code: journal.CreateStudy, StudyName: name, Directions: []int{journal.Maximize}}}}
	}
	again := w.trials(st, w.report)
	for _, t := range best {
		if !slices.ContainsFunc(again, func(x *trial) bool { return x.setting == t.setting }) {
			return step{ops: []journal.Op{w.begin(study.ID, t.setting, t.point)}}
		}
	}
	s, open = w.goOn(again, others)
	s.done = !open
	return s
}

// Compares says whether the sweep is a comparison of algorithms. It begins all settings and takes their
// seeds in turn, so that whenever it stops the same seeds of all have ended.
func (w *Sweep) Compares() bool {
	return w.Spec.Search.Method == "grid" && slices.ContainsFunc(w.Spec.Space, func(d search.Dimension) bool { return d.Key == algoKey })
}

// goOn returns how to go on with settings that have been begun, and whether any has not ended.
func (w *Sweep) goOn(all []*trial, others *watch) (s step, open bool) {
	if ops := w.settle(all); len(ops) > 0 {
		return step{ops: ops}, true
	}
	var fresh *claim
	var of *trial
	turn, first := w.Compares(), 0 // place of the seed of fresh
	for _, t := range all {
		if t.State.Finished() {
			continue
		}
		open = true
		passed := len(t.Intermediate)
		var until int64
		if t.part == w.search && passed < len(w.rungs) {
			until = w.rungs[passed]
		}
		for i, r := range t.records {
			c := &claim{part: t.part, trial: t.ID, setting: t.setting, point: t.point, seed: t.part.seeds[i], until: until}
			if r == nil {
				if fresh == nil || turn && i < first {
					fresh, of, first = c, t, i
				}
				continue
			}
			if r.State == stateDone || r.State == stateRunning && !others.dead(r.Worker) || len(r.Rungs) > passed {
				continue
			}
			// What has been begun goes first.
			c.record = *r
			if r.State == stateRunning && others.crashed(r.Worker) {
				if c.record.Crashes++; c.record.Crashes == mostCrashes {
					return w.fail(t, c), true
				}
			}
			return w.take(t, c), true
		}
	}
	if fresh != nil {
		return w.take(of, fresh), true
	}
	return step{}, open
}

// mostCrashes is how often a training may end the process of its worker, as an
// environment does that panics on a goroutine of its own.
const mostCrashes = 3

// fail returns the operation that ends a training which ends its workers.
func (w *Sweep) fail(t *trial, c *claim) step {
	c.record.Revision++
	c.record.State, c.record.Worker = stateDone, ""
	c.record.Error = fmt.Sprintf("%d workers crashed while they trained it", c.record.Crashes)
	return step{ops: []journal.Op{write(t.Trial, c.seed, c.record)}}
}

// take returns the operation that takes a training.
func (w *Sweep) take(t *trial, c *claim) step {
	c.record.Revision++
	c.record.State, c.record.Worker = stateRunning, w.worker
	return step{ops: []journal.Op{write(t.Trial, c.seed, c.record)}, claim: c}
}

// claim takes a training, and returns nil where there is none at the moment; done says that
// there never will be.
func (w *Sweep) claim(ctx context.Context, others *watch) (c *claim, done bool, err error) {
	for {
		// Nobody needs the lock to see that there is nothing to do.
		if err := w.journal.Read(); err != nil {
			return nil, false, err
		}
		if s := w.next(w.journal.State(), others); len(s.ops) == 0 {
			return nil, s.done, nil
		}
		var s step
		err := w.journal.Update(ctx, func(st *journal.State) []journal.Op {
			s = w.next(st, others)
			return s.ops
		})
		if err != nil {
			return nil, false, err
		}
		if s.claim != nil && w.holds(s.claim) {
			return s.claim, false, nil
		}
	}
}

// holds says whether the record of a training in the journal is that of a claim.
func (w *Sweep) holds(c *claim) bool {
	for _, t := range w.trials(w.journal.State(), c.part) {
		if t.ID != c.trial {
			continue
		}
		for i, r := range t.records {
			if c.part.seeds[i] == c.seed {
				return r != nil && r.Revision == c.record.Revision && r.Worker == w.worker
			}
		}
	}
	return false
}
