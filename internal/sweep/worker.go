package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"paspo/internal/atomicfile"
	"paspo/internal/interrupt"
	"paspo/internal/limits"
	"paspo/internal/run/agent"
	"paspo/internal/run/config"
	"paspo/internal/run/report"
	"paspo/internal/run/runfolder"
	"paspo/internal/sweep/journal"
	"paspo/internal/sweep/search"
	"paspo/rl"
)

// lease is for how long a worker on another machine may show no sign of life before its
// training is given to another one, by the clock of whoever waits. Clocks of different
// machines are never compared.
var lease = time.Minute

// beatsPerLease is how many signs of life a worker gives in that time.
const beatsPerLease = 12

// poll is the time between two looks at a journal in which there was nothing to do.
var poll = 500 * time.Millisecond

// sign is the sign of life of a worker.
type sign struct {
	journal.Process
	Beat  int    `json:"beat"`
	Run   string `json:"run,omitempty"` // folder that it trains in
	Step  int64  `json:"step,omitempty"`
	Steps int64  `json:"steps,omitempty"`

	Trainings int `json:"trainings,omitempty"` // at a time, where it is not one

	Crashed bool `json:"crashed,omitempty"` // as the process says that started it
}

// pulse writes the signs of life of a worker.
type pulse struct {
	path string

	mu   sync.Mutex
	sign sign
	last time.Time // of the last one that was written
	stop chan struct{}
	done sync.WaitGroup
}

func (w *Sweep) newPulse() (*pulse, error) {
	p := &pulse{path: filepath.Join(w.Dir, workersDir, w.worker), sign: sign{Process: journal.Self()}, stop: make(chan struct{})}
	if err := p.beat(); err != nil {
		return nil, fmt.Errorf("cannot write %s: %w", p.path, atomicfile.Cause(err))
	}
	p.done.Go(func() {
		for {
			select {
			case <-p.stop:
				return
			case <-time.After(lease / beatsPerLease):
				// One that cannot be written is noticed by its absence.
				_ = p.beat()
			}
		}
	})
	return p, nil
}

func (p *pulse) beat() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sign.Beat++
	now := time.Now()
	err := os.WriteFile(p.path, append(marshal(p.sign), '\n'), 0o644)
	if err == nil {
		p.last = now
	}
	return err
}

// at says what the worker trains, and shows it at once where that is another run.
func (p *pulse) at(run string, step, steps int64) { p.atSome(0, run, step, steps) }

// atSome says it of some trainings at a time: the run of the first one, and the steps of all.
func (p *pulse) atSome(trainings int, run string, step, steps int64) {
	p.mu.Lock()
	other := p.sign.Run != run
	p.sign.Trainings, p.sign.Run, p.sign.Step, p.sign.Steps = trainings, run, step, steps
	p.mu.Unlock()
	if other {
		_ = p.beat()
	}
}

// faint says whether others may soon take the worker for dead.
func (p *pulse) faint() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Since(p.last) > lease/2
}

func (p *pulse) close() {
	close(p.stop)
	p.done.Wait()
	os.Remove(p.path)
}

// watch tells whether other workers are dead.
type watch struct {
	dir  string
	seen map[string]*still
}

// still is since when a sign has been the same.
type still struct {
	sign string
	from time.Time
}

// dead says whether a worker is: its process is, or it has left, or it has given no sign
// for the time of a lease.
func (w *watch) dead(worker string) bool {
	data, err := limits.ReadFile(filepath.Join(w.dir, worker), limits.Config)
	if errors.Is(err, os.ErrNotExist) {
		return true
	}
	if err != nil {
		return false
	}
	var s sign
	if json.Unmarshal(data, &s) == nil && journal.Self().Dead(s.Process) {
		return true
	}
	if w.seen == nil {
		w.seen = map[string]*still{}
	}
	at := w.seen[worker]
	if at == nil || at.sign != string(data) {
		w.seen[worker] = &still{string(data), time.Now()}
		return false
	}
	return time.Since(at.from) > lease
}

// crashed says whether whoever started a worker has seen it crash.
func (w *watch) crashed(worker string) bool {
	var s sign
	data, err := limits.ReadFile(filepath.Join(w.dir, worker), limits.Config)
	return err == nil && json.Unmarshal(data, &s) == nil && s.Crashed
}

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

// errRung ends a training for now: it goes on once its setting has been compared.
var errRung = errors.New("a step at which settings are compared")

// errFaint ends a training whose worker others may take for dead.
var errFaint = errors.New("no sign of life could be written for too long")

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
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		claims, done, err := w.claims(ctx, others, most)
		switch {
		case err != nil:
			return err
		case done:
			return nil
		case len(claims) == 0:
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(poll):
			}
			continue
		case onGPU:
			most, err = w.trainTogether(ctx, p, claims)
		default:
			err = w.train(ctx, p, claims[0])
		}
		if err != nil {
			return err
		}
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

// train trains what a worker has taken, and says in the journal what came of it. The error
// is one that ends the worker.
func (w *Sweep) train(ctx context.Context, p *pulse, c *claim) error {
	before := processorTime()
	result, step, err := w.advance(ctx, p, c)
	return w.record(ctx, c, result, step, processorTime()-before, err)
}

// record says in the journal what came of a training. The error is one that ends the worker.
func (w *Sweep) record(ctx context.Context, c *claim, result *Result, step int64, seconds float64, err error) error {
	r := c.record
	r.Worker = ""
	r.Seconds += seconds
	r.Step = max(r.Step, step)
	r.State = statePaused
	var stop error
	switch {
	case err == nil && c.until > 0 && result.Return != nil:
		r.Rungs = append(slices.Clone(r.Rungs), Rung{Step: step, Return: *result.Return})
	case err == nil:
		r.State, r.Result = stateDone, *result
	case ctx.Err() != nil:
		stop = ctx.Err()
	case errors.Is(err, runfolder.ErrBusy):
		// A worker that was taken for dead is not. It will see that it has lost its training.
		slog.Warn("a training waits for a worker that seemed dead", "reason", err)
		time.Sleep(poll)
	case errors.Is(err, errTooMany):
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

// advance trains to the end, or to where settings are compared.
func (w *Sweep) advance(ctx context.Context, p *pulse, c *claim) (result *Result, step int64, err error) {
	dir := w.RunDir(c.setting, c.seed)
	r, err := opening(ctx, func() (*agent.Run, error) { return w.open(nil, c, dir) })
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	return w.goOnWith(ctx, r, c, p.faint, func(step int64) { p.at(dir, step, r.Agent.Config.Steps) })
}

// goOnWith trains an open run to the end, or to where settings are compared.
func (w *Sweep) goOnWith(ctx context.Context, r *agent.Run, c *claim, faint func() bool, at func(step int64)) (result *Result, step int64, err error) {
	at(r.Trainer.Step())
	training, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if c.until == 0 || r.Trainer.Step() < c.until {
		err = r.Advance(training, func(m rl.Metrics) {
			at(m.Step)
			switch {
			case faint():
				cancel(errFaint)
			case c.until > 0 && m.Step >= c.until:
				cancel(errRung)
			}
		})
	}
	step = r.Trainer.Step()
	if cause := context.Cause(training); err != nil && ctx.Err() == nil && cause != nil {
		err = cause
	}
	if err != nil && !errors.Is(err, errRung) {
		return nil, step, err
	}
	result, err = w.evaluate(ctx, r)
	return result, step, err
}

// opening returns what open does, or the error of ctx soon after that has ended: what prepares a
// training may take minutes, and leaves nothing to save. What it opens later is closed.
func opening[T io.Closer](ctx context.Context, open func() (T, error)) (T, error) {
	return interrupt.Await(ctx, open, nil, func(x T) { x.Close() })
}

// open starts a training, or goes on with what another worker has left of it; m is nil, or
// opens it as one of a group.
func (w *Sweep) open(m *agent.Member, c *claim, dir string) (*agent.Run, error) {
	if runfolder.IsRun(dir) {
		var settings []config.Setting
		if w.Device != "" {
			settings = append(settings, config.Setting{Flag: "--gpu", Key: "device", Value: w.Device})
		}
		r, err := m.Resume(dir, nil, settings)
		if !errors.Is(err, rl.ErrNoCheckpoint) {
			return r, err
		}
	}
	// The claim is this worker's: what lies there is of one that died at the start.
	if err := atomicfile.RemoveAll(dir); err != nil {
		return nil, err
	}
	cfg, err := w.Config(c.point, c.seed)
	if err != nil {
		return nil, err
	}
	w.place(cfg)
	return m.Start(cfg, dir)
}

// place settles the device of a training. Without one that the sweep asks for it is the
// CPU everywhere, so that results do not depend on who trained them.
func (w *Sweep) place(c *config.Config) {
	switch {
	case w.Device != "":
		c.Device = w.Device
	case c.Device == config.DeviceAuto:
		c.Device = config.DeviceCPU
	}
}

// Validation names the episodes that settings are compared on, which no training sees.
const Validation = "validation"

// evaluate plays the last policy of a run on the episodes of validation.
func (w *Sweep) evaluate(ctx context.Context, r *agent.Run) (*Result, error) {
	a := r.Agent
	rule := a.Rule(r.Trainer.Checkpoint())
	e, err := rl.Evaluate(ctx, a.Problem, a.Backend, rl.EvalOptions{
		Episodes: w.Spec.Objective.Episodes, Seed: a.Config.PPO.EvalSeed, Set: Validation, MaxSteps: a.Config.PPO.EvalMaxSteps, Rule: rule,
	})
	if err != nil {
		return nil, err
	}
	if err := r.Folder.Flush(); err != nil {
		return nil, err
	}
	rows, err := runfolder.Metrics(r.Folder.Dir())
	if err != nil {
		return nil, err
	}
	seen := report.Summarise(rows)
	mean, stderr, residual := e.Mean(), e.StdErr(), max(e.MaxResidual, float64(seen.MaxResidual))
	return &Result{
		Return: finite(mean), StdErr: finite(stderr), Action: rule.String(),
		Residual: finite(residual), Violations: e.Violations + seen.Violations,
	}, nil
}

func finite(x float64) *float64 {
	if x-x != 0 {
		return nil
	}
	return &x
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
