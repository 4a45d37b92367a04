package sweep

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"

	"paspo/internal/sweep/journal"
	"paspo/internal/sweep/search"
)

// Record is what the journal holds of one training, as an attribute of its trial. A new one
// takes the place of the one before it where its revision is later: of two processes that
// write the same revision the second one is passed over. Revisions that a damaged line has
// taken are left out: whoever wrote the next one had read them.
type Record struct {
	Revision int    `json:"revision"`
	State    string `json:"state"`            // running, paused or done
	Worker   string `json:"worker,omitempty"` // that trains it

	Step  int64  `json:"step,omitempty"` // where it has been saved
	Rungs []Rung `json:"rungs,omitempty"`
	Error string `json:"error,omitempty"` // why it cannot be trained

	Crashes int `json:"crashes,omitempty"` // of workers that trained it

	Result
	Seconds float64 `json:"seconds,omitempty"` // of processor time of all workers, but for what died with one
}

// Rung is the return at a step at which settings are compared.
type Rung struct {
	Step   int64   `json:"step"`
	Return float64 `json:"return"`
}

// Result is what a training that is done has come to.
type Result struct {
	Return     *float64 `json:"return,omitempty"` // mean over validation episodes
	StdErr     *float64 `json:"stderr,omitempty"`
	Action     string   `json:"action,omitempty"` // mean or mode
	Residual   *float64 `json:"max_residual,omitempty"`
	Violations int      `json:"violations,omitempty"`
}

// States of a training.
const (
	stateRunning = "running"
	statePaused  = "paused"
	stateDone    = "done"

	// States in exported tables, of trainings whose last records say something else or that have none.
	stateWaiting = "waiting"
	stateGivenUp = "given up" // with its setting, which was pruned or has a seed that failed
	stateFailed  = "failed"
)

// failed says whether a training has ended without a return.
func (r *Record) failed() bool { return r.State == stateDone && (r.Error != "" || r.Return == nil) }

const (
	seedAttr    = "seed "
	settingAttr = "setting"
)

func seedKey(seed uint64) string { return seedAttr + strconv.FormatUint(seed, 10) }

// accept holds records to their revisions.
func accept(name, before, after []byte) bool {
	if !bytes.HasPrefix(name, []byte(seedAttr)) {
		return true
	}
	return revision(after) > revision(before)
}

// revision returns that of a record, 0 of none.
func revision(raw []byte) (n int64) {
	_ = journal.Object(raw, func(name, value []byte) error {
		if string(name) != "revision" {
			return nil
		}
		n, _ = journal.Int(value)
		return io.EOF // nothing more is needed
	})
	return n
}

// part is one of the two of a sweep: the search, and the best settings on other seeds. Each
// is a study of the journal.
type part struct {
	prefix string // of its run folders
	seeds  []uint64
	keys   []string // names of the records of a setting, by seed
	known  []*trial // as of the last look at the journal
	looked int      // trials of the study that have been looked at
}

func newPart(prefix string, seeds []uint64) *part {
	p := &part{prefix: prefix, seeds: seeds}
	for _, seed := range seeds {
		p.keys = append(p.keys, seedKey(seed))
	}
	return p
}

// trial is a setting with its trainings.
type trial struct {
	*journal.Trial
	part    *part
	setting int // its number among those of the sweep
	point   search.Point
	records []*Record // by seed, nil where it has not begun

	version int // of what the records are from
}

// study returns the study of a part, nil where there is none yet.
func (w *Sweep) study(st *journal.State, p *part) *journal.Study {
	first := st.Studies[0]
	if p == w.search || first == nil {
		return first
	}
	return st.Study(reportStudy(first))
}

// reportStudy names the study of the best settings.
func reportStudy(first *journal.Study) string { return first.Name + ", report seeds" }

// trials returns the settings of a part that have been begun, in order. Trials that others
// have added to its study are none.
func (w *Sweep) trials(st *journal.State, p *part) []*trial {
	study := w.study(st, p)
	if study == nil {
		return nil
	}
	for _, t := range study.Trials[p.looked:] {
		p.looked++
		n, err := journal.Int(t.SystemAttr(settingAttr))
		if err != nil || n < 0 {
			continue
		}
		at := int(n)
		if p == w.report {
			if at = slices.IndexFunc(p.known, func(x *trial) bool { return int64(x.setting) == n }); at < 0 {
				at = len(p.known)
			}
		}
		// A second trial of a setting takes the place of one that has failed, see Retry.
		if at > len(p.known) || at < len(p.known) && p.known[at].State != journal.Fail {
			continue
		}
		if point := w.pointOf(t); point != nil {
			x := &trial{Trial: t, part: p, setting: int(n), point: point, records: make([]*Record, len(p.seeds)), version: -1}
			if at == len(p.known) {
				p.known = append(p.known, x)
			}
			p.known[at] = x
		}
	}
	for _, x := range p.known {
		if x.version == x.Version {
			continue
		}
		x.version = x.Version
		for i, key := range p.keys {
			raw := x.Attr(key)
			if raw == nil {
				continue
			}
			r := &Record{}
			if r.decode(raw) == nil {
				x.records[i] = r
			}
		}
	}
	return p.known
}

// pointOf returns the point of a trial, nil where it is none of the space.
func (w *Sweep) pointOf(t *journal.Trial) search.Point {
	point := make(search.Point, len(w.Spec.Space))
	found := 0
	err := t.Params(func(name []byte, value float64) {
		for i := range w.Spec.Space {
			if d := &w.Spec.Space[i]; d.Key == string(name) && d.Contains(value) {
				point[i] = value
				found++
			}
		}
	})
	if err != nil || found != len(point) {
		return nil
	}
	return point
}

// decode is json.Unmarshal for records, of which a journal may have a million.
func (r *Record) decode(raw []byte) error {
	number := func(value []byte) (*float64, error) {
		x, err := journal.Number(value)
		return &x, err
	}
	integer := func(to *int, value []byte) error {
		n, err := journal.Int(value)
		*to = int(n)
		return err
	}
	return journal.Object(raw, func(name, value []byte) (err error) {
		switch string(name) {
		case "revision":
			err = integer(&r.Revision, value)
		case "state":
			r.State, err = journal.String(value)
		case "worker":
			r.Worker, err = journal.String(value)
		case "step":
			r.Step, err = journal.Int(value)
		case "error":
			r.Error, err = journal.String(value)
		case "return":
			r.Return, err = number(value)
		case "stderr":
			r.StdErr, err = number(value)
		case "action":
			r.Action, err = journal.String(value)
		case "max_residual":
			r.Residual, err = number(value)
		case "crashes":
			err = integer(&r.Crashes, value)
		case "violations":
			err = integer(&r.Violations, value)
		case "seconds":
			r.Seconds, err = journal.Number(value)
		case "rungs":
			err = json.Unmarshal(value, &r.Rungs)
		}
		return err
	})
}

// results returns what the search is told.
func results(all []*trial) []search.Result {
	out := make([]search.Result, len(all))
	for i, t := range all {
		out[i] = search.Result{Point: t.point, Ended: t.State.Finished(), Value: t.Value, Steps: math.MaxInt64}
		if t.State == journal.Pruned && len(t.Intermediate) > 0 {
			out[i].Steps = t.Intermediate[len(t.Intermediate)-1].Step
		}
	}
	return out
}

// begin returns the operation that makes the trial of a setting in a study.
func (w *Sweep) begin(study, setting int, p search.Point) journal.Op {
	running := journal.Running
	var none []float64
	op := journal.Op{
		Code: journal.CreateTrial, Study: &study, DatetimeStart: journal.Now(), State: &running, Values: &none,
		Distributions: map[string]string{}, Params: map[string]float64{},
		SystemAttrs: journal.Attrs{settingAttr: marshal(setting)},
	}
	for i := range w.Spec.Space {
		d := &w.Spec.Space[i]
		op.Distributions[d.Key], op.Params[d.Key] = d.Distribution(), p[i]
	}
	return op
}

// write returns the operation that gives a training its next record.
func write(t *journal.Trial, seed uint64, r Record) journal.Op {
	id := t.ID
	return journal.Op{Code: journal.SetTrialUserAttr, Trial: &id, UserAttr: journal.Attrs{seedKey(seed): marshal(r)}}
}

// settle returns the operations that end the trials of which nothing is left to train.
func (w *Sweep) settle(all []*trial) []journal.Op {
	var ops []journal.Op
	for _, t := range all {
		if t.State.Finished() {
			continue
		}
		id := t.ID
		end := func(state journal.TrialState, values []float64) {
			ops = append(ops, journal.Op{Code: journal.SetTrialState, Trial: &id, State: &state, Values: &values, DatetimeComplete: journal.Now()})
		}
		var returns, rung []float64
		failed := false
		passed := len(t.Intermediate)
		for _, r := range t.records {
			if r == nil {
				continue
			}
			if len(r.Rungs) > passed {
				rung = append(rung, r.Rungs[passed].Return)
			}
			if r.State == stateDone {
				failed = failed || r.failed()
				if r.Return != nil {
					returns = append(returns, *r.Return)
				}
			}
		}
		switch n := len(t.part.seeds); {
		case failed:
			end(journal.Fail, nil)
		case len(returns) == n:
			end(journal.Complete, []float64{w.Spec.Objective.Of(returns)})
		case len(rung) == n:
			at, v := w.rungs[passed], w.Spec.Objective.Of(rung)
			ops = append(ops, journal.Op{Code: journal.SetTrialIntermediate, Trial: &id, Step: &at, IntermediateValue: &v})
			if w.falls(all, t, passed, v) {
				end(journal.Pruned, []float64{v})
			}
			// The next one is compared with this one too.
			return ops
		}
	}
	return ops
}

// falls says whether a setting ends at a rung by asynchronous successive halving (Li et al.,
// A System for Massively Parallel Hyperparameter Tuning, MLSys 2020, in Optuna's form): it
// goes on where it is among the best n/factor, at least one, of the n that have come there so
// far.
func (w *Sweep) falls(all []*trial, t *trial, rung int, value float64) bool {
	n, above := 1, 0
	for _, other := range all {
		if other == t || len(other.Intermediate) <= rung {
			continue
		}
		n++
		if other.Intermediate[rung].Value > value {
			above++
		}
	}
	return above >= max(1, n/w.Spec.Prune.Factor)
}

// best returns the settings that are trained again: the best on each problem of those that
// went to their end.
func (w *Sweep) best(all []*trial) []*trial {
	var ended []*trial
	for _, t := range all {
		if t.State == journal.Complete {
			ended = append(ended, t)
		}
	}
	slices.SortStableFunc(ended, func(a, b *trial) int { return cmp.Compare(b.Value, a.Value) })
	kept := map[string]int{}
	return slices.DeleteFunc(ended, func(t *trial) bool {
		of := w.Spec.Problem(t.point)
		kept[of]++
		return kept[of] > w.Spec.Report.Settings
	})
}

// RunDir returns the folder of a training: of the search, or of the best settings where the
// seed is one of the report's.
func (w *Sweep) RunDir(setting int, seed uint64) string {
	prefix := w.search.prefix
	if slices.Contains(w.report.seeds, seed) {
		prefix = w.report.prefix
	}
	return filepath.Join(w.Dir, RunsDir, fmt.Sprintf("%s%04d-seed-%d", prefix, setting, seed))
}
