package sweep

import (
	"context"

	"paspo/internal/sweep/journal"
)

// Retry has all trainings that failed tried once more, from their last checkpoints, and returns how
// many. A trial that has ended stays as it is in the journal, as Optuna has it: a new one of the same
// setting takes its place, with the records of its other trainings.
func (w *Sweep) Retry(ctx context.Context) (trainings int, err error) {
	err = w.journal.Update(ctx, func(st *journal.State) (ops []journal.Op) {
		trainings = 0
		for _, p := range []*part{w.search, w.report} {
			for _, t := range w.trials(st, p) {
				if t.State.Finished() && t.State != journal.Fail {
					continue
				}
				again := w.begin(w.study(st, p).ID, t.setting, t.point)
				again.UserAttrs = journal.Attrs{}
				for i, r := range t.records {
					if r == nil {
						continue
					}
					next := *r
					// A worker that still trains a seed of a setting that has failed holds it no more.
					if r.failed() || r.State == stateRunning {
						next = Record{State: statePaused, Revision: r.Revision + 1, Step: r.Step, Rungs: r.Rungs, Seconds: r.Seconds}
					}
					again.UserAttrs[p.keys[i]] = marshal(next)
					if r.failed() {
						trainings++
						if t.State != journal.Fail {
							ops = append(ops, write(t.Trial, p.seeds[i], next))
						}
					}
				}
				if t.State == journal.Fail {
					ops = append(ops, again)
				}
			}
		}
		return ops
	})
	return trainings, err
}
