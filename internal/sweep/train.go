package sweep

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"paspo/internal/atomicfile"
	"paspo/internal/interrupt"
	"paspo/internal/run/agent"
	"paspo/internal/run/config"
	"paspo/internal/run/report"
	"paspo/internal/run/runfolder"
	"paspo/rl"
)

// errRung ends a training for now: it goes on once its setting has been compared.
var errRung = errors.New("a step at which settings are compared")

// errFaint ends a training whose worker others may take for dead.
var errFaint = errors.New("no sign of life could be written for too long")

// errGivenUp ends a training whose setting has ended, as where another seed of it failed.
var errGivenUp = errors.New("its setting has been given up")

// halts returns a function that says why a training is to stop, nil where it is not. The setting is
// looked at now and then.
func (w *Sweep) halts(p *pulse, c *claim) func() error {
	last := time.Now()
	return func() error {
		if p.faint() {
			return errFaint
		}
		if time.Since(last) < poll || w.journal.Read() != nil {
			return nil
		}
		last = time.Now()
		if slices.ContainsFunc(w.trials(w.journal.State(), c.part), func(t *trial) bool { return t.ID == c.trial && !t.State.Finished() }) {
			return nil
		}
		return errGivenUp
	}
}

// advance trains to the end, or to where settings are compared.
func (w *Sweep) advance(ctx context.Context, p *pulse, c *claim) (result *Result, step int64, err error) {
	dir := w.RunDir(c.setting, c.seed)
	r, err := opening(ctx, func() (*agent.Run, error) { return w.open(nil, c, dir) })
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	return w.goOnWith(ctx, r, c, w.halts(p, c), func(step int64) { p.at(dir, step, r.Agent.Config.Steps) })
}

// goOnWith trains an open run to the end, or to where settings are compared.
func (w *Sweep) goOnWith(ctx context.Context, r *agent.Run, c *claim, halt func() error, at func(step int64)) (result *Result, step int64, err error) {
	at(r.Trainer.Step())
	training, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if c.until == 0 || r.Trainer.Step() < c.until {
		err = r.Advance(training, func(m rl.Metrics) {
			at(m.Step)
			if err := halt(); err != nil {
				cancel(err)
			} else if c.until > 0 && m.Step >= c.until {
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
	o := rl.EvalOptions{
		Episodes: w.Spec.Objective.Episodes, Seed: a.Config.PPO.EvalSeed, Set: Validation, MaxSteps: a.Config.PPO.EvalMaxSteps, Rule: rule,
	}
	replaced := new(int)
	if w.Spec.Objective.Projected() {
		o.Adjust, replaced = a.Projecting()
	}
	e, err := rl.Evaluate(ctx, a.Problem, a.Backend, o)
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
		Residual: finite(residual), Violations: e.Violations + *replaced + seen.Violations,
	}, nil
}

func finite(x float64) *float64 {
	if x-x != 0 {
		return nil
	}
	return &x
}
