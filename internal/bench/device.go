package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"paspo/envs"
	"paspo/envs/benchmarks"
	"paspo/lp"
	"paspo/lp/interval"
	"paspo/policy"
	"paspo/policy/cpu"
	"paspo/ppo"
	"paspo/rl"
)

// What devices are measured at.
var (
	DeviceRows        = []int{256, 4_096, 65_536}     // actions sampled at a time
	DeviceMinibatches = []int{64, 512, 4_096, 16_384} // rows of a gradient step
	DevicePolicies    = []int{1, 8, 32, 128}          // trainings side by side
	DeviceTraining    = Size{4_096, 16, 16_384}       // one large training
	sweepTraining     = Size{8, 64, 64}               // each of those side by side: the paper's
)

// Size is the size of a training: environments, steps of each in a rollout, and
// rows of a minibatch.
type Size struct{ Envs, Steps, Minibatch int }

func (s Size) config() ppo.Config {
	c := ppo.DefaultConfig()
	c.Envs, c.StepsPerEnv, c.Minibatch = s.Envs, s.Steps, s.Minibatch
	c.EvalEvery, c.CheckpointEvery, c.Steps = 0, 0, 1<<40
	return c
}

// DeviceResult is what one device does a second on one problem.
type DeviceResult struct {
	Device       string          `json:"device"`
	ActionsPerS  map[int]float64 `json:"actions_per_s"`   // by rows sampled at a time
	HostPerS     map[int]float64 `json:"host_per_s"`      // the same with intervals from warm-start bases, which the host computes
	UpdatesPerS  map[int]float64 `json:"updates_per_s"`   // gradient steps by minibatch
	EnvStepsPerS float64         `json:"env_steps_per_s"` // of one large training, ten epochs
	TogetherPerS map[int]float64 `json:"together_per_s"`  // environment steps of all trainings by their number
}

// Maker makes backends that a device serves together, with seeds 1, 2, ...
type Maker func(solver lp.Solver, obsDim, minibatch, count int) ([]policy.Backend, error)

// CPUs is the Maker of the processor.
func CPUs(solver lp.Solver, obsDim, minibatch, count int) ([]policy.Backend, error) {
	out := make([]policy.Backend, count)
	for i := range out {
		b, err := cpu.New(solver, obsDim, minibatch, policy.DefaultConfig(), nil, uint64(i+1))
		if err != nil {
			return nil, err
		}
		b.SetThreads(max(1, runtime.GOMAXPROCS(0)/count))
		out[i] = b
	}
	return out, nil
}

// Device measures a device on the portfolio benchmark, or on the binary's own problem, each
// figure for the given time.
func Device(ctx context.Context, make Maker, each time.Duration) (*DeviceResult, error) {
	p, err := benchmarks.New(benchmarks.DefaultConfig(), nil)
	if err != nil {
		return nil, err
	}
	spec := p.Spec()
	solver, err := interval.New(spec.Polytope, interval.DefaultConfig())
	if err != nil {
		return nil, err
	}
	defer solver.Close()
	hosted := interval.DefaultConfig()
	hosted.Method = "lazy"
	bases, err := interval.New(spec.Polytope, hosted)
	if err != nil {
		return nil, err
	}
	defer bases.Close()
	r := &DeviceResult{ActionsPerS: map[int]float64{}, HostPerS: map[int]float64{}, UpdatesPerS: map[int]float64{}, TogetherPerS: map[int]float64{}}
	with := func(s lp.Solver, minibatch, count int, f func([]policy.Backend) error) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		all, err := make(s, spec.ObsDim, minibatch, count)
		if err != nil {
			return err
		}
		r.Device = all[0].Device()
		err = f(all)
		for _, b := range all {
			err = errors.Join(err, b.Close())
		}
		return err
	}

	for _, rows := range DeviceRows {
		req, close, err := request(p, rows)
		if err != nil {
			return nil, err
		}
		defer close()
		req.Keep = true
		for _, by := range []struct {
			solver lp.Solver
			rates  map[int]float64
		}{{solver, r.ActionsPerS}, {bases, r.HostPerS}} {
			err = with(by.solver, DeviceMinibatches[0], 1, func(b []policy.Backend) error {
				if err := standardise(b[0], p, req); err != nil {
					return err
				}
				var s policy.Samples
				x, err := rate(ctx, each, func() (int, error) { return rows, b[0].Sample(req, &s) })
				by.rates[rows] = x
				return err
			})
			if err != nil {
				return nil, fmt.Errorf("sampling %d actions: %w", rows, err)
			}
		}
	}
	for _, minibatch := range DeviceMinibatches {
		req, close, err := request(p, max(minibatch, rows))
		if err != nil {
			return nil, err
		}
		defer close()
		req.Keep = true
		err = with(solver, minibatch, 1, func(b []policy.Backend) error {
			if err := standardise(b[0], p, req); err != nil {
				return err
			}
			if err := b[0].Sample(req, &policy.Samples{}); err != nil {
				return err
			}
			x, err := steps(ctx, b[0], batch(req), minibatch, each)
			r.UpdatesPerS[minibatch] = x
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("minibatches of %d: %w", minibatch, err)
		}
	}
	err = with(solver, DeviceTraining.Minibatch, 1, func(b []policy.Backend) error {
		var err error
		r.EnvStepsPerS, err = together(ctx, p, b, DeviceTraining.config(), each)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("training: %w", err)
	}
	for _, k := range DevicePolicies {
		err := with(solver, sweepTraining.Minibatch, k, func(b []policy.Backend) error {
			var err error
			r.TogetherPerS[k], err = together(ctx, p, b, sweepTraining.config(), each)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("%d trainings: %w", k, err)
		}
	}
	return r, nil
}

// together measures environment steps a second of trainings side by side, whole
// iterations alone. The first iteration of each is not counted.
func together(ctx context.Context, p envs.Problem, backends []policy.Backend, cfg ppo.Config, each time.Duration) (float64, error) {
	var trainers []*rl.Trainer
	defer func() {
		for _, t := range trainers {
			t.Close()
		}
	}()
	for i, b := range backends {
		t, err := ppo.New(p, b, cfg, uint64(i+1))
		if err != nil {
			return 0, err
		}
		trainers = append(trainers, t)
	}
	// Hooks end a run after the iteration in which the time is over, so that what
	// is counted was done in the time it is divided by.
	over := errors.New("time is over")
	run := func(until func(iterations int) bool) error {
		hooks := make([]rl.Hooks, len(trainers))
		for i, t := range trainers {
			from := t.Iteration()
			hooks[i].Iteration = func(m rl.Metrics) error {
				if until(m.Iteration - from) {
					return over
				}
				return nil
			}
		}
		for _, err := range rl.Together(ctx, trainers, hooks) {
			if !errors.Is(err, over) {
				return err
			}
		}
		return nil
	}
	if err := run(func(n int) bool { return n == 1 }); err != nil {
		return 0, err
	}
	before := int64(0)
	for _, t := range trainers {
		before += t.Step()
	}
	start := time.Now()
	if err := run(func(int) bool { return time.Since(start) >= each }); err != nil {
		return 0, err
	}
	seconds, after := time.Since(start).Seconds(), int64(0)
	for _, t := range trainers {
		after += t.Step()
	}
	return float64(after-before) / seconds, nil
}

// WriteDevices writes what devices do a second, one a column, and the ratio of
// the last to the first where there are two.
func WriteDevices(w io.Writer, devices ...*DeviceResult) error {
	var err error
	line := func(name string, of func(*DeviceResult) float64) {
		if err != nil {
			return
		}
		text := fmt.Sprintf("%-44s", name)
		for _, d := range devices {
			text += fmt.Sprintf("  %14.0f", of(d))
		}
		if n := len(devices); n > 1 {
			text += fmt.Sprintf("  %8.2f", of(devices[n-1])/of(devices[0]))
		}
		_, err = fmt.Fprintln(w, text)
	}
	for i, d := range devices {
		if _, err := fmt.Fprintf(w, "column %d: %s\n", i+1, d.Device); err != nil {
			return err
		}
	}
	for _, n := range DeviceRows {
		line(fmt.Sprintf("actions/s, %d environments", n), func(d *DeviceResult) float64 { return d.ActionsPerS[n] })
	}
	for _, n := range DeviceRows {
		line(fmt.Sprintf("actions/s, %d, warm-start bases on the host", n), func(d *DeviceResult) float64 { return d.HostPerS[n] })
	}
	for _, n := range DeviceMinibatches {
		line(fmt.Sprintf("gradient steps/s, minibatch %d", n), func(d *DeviceResult) float64 { return d.UpdatesPerS[n] })
	}
	s := DeviceTraining
	line(fmt.Sprintf("env steps/s, batch %d, minibatch %d", s.Envs*s.Steps, s.Minibatch), func(d *DeviceResult) float64 { return d.EnvStepsPerS })
	for _, k := range DevicePolicies {
		line(fmt.Sprintf("env steps/s, paper's settings x %d", k), func(d *DeviceResult) float64 { return d.TogetherPerS[k] })
	}
	return err
}
