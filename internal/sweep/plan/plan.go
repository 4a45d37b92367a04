package plan

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"paspo/internal/count"
	"paspo/internal/run/agent"
	"paspo/internal/run/config"
	"paspo/internal/sweep"
	"paspo/internal/sweep/search"
	"paspo/internal/sweep/spec"
	"paspo/rl"
)

// Print prints what a sweep would train, and about how long that takes some workers, each on
// a core.
func Print(s *spec.Spec, out io.Writer, workers int) error {
	if err := s.Check(); err != nil {
		return err
	}
	c, err := s.Config(nil)
	if err != nil {
		return err
	}
	m := s.Method()
	// The first setting says which problem is trained where the space has one.
	if p := m.Suggest(nil); p != nil {
		if first, err := s.Config(s.Space.Assignments(p)); err == nil {
			c = first
		}
	}
	on := c.Env.Name
	if n := s.Problems(); n > 1 {
		on = count.Of(n, "problem")
	}
	trainings := s.Search.Trials * len(s.Seeds)
	steps, mean := count.Of(int(c.Steps), "step"), ""
	if all := stepsOf(s); all != nil {
		steps = fmt.Sprintf("%.0f to %.0f steps", floats.Min(all), floats.Max(all))
		c.Steps = int64(math.Round(stat.Mean(all, nil)))
		mean = fmt.Sprintf(", with the mean of %d steps", c.Steps)
	}
	fmt.Fprintf(out, "%s on %s: %s by %s search, %s (%v), %s of %s\n", s.Objective.Statistic, on, count.Of(s.Search.Trials, "setting"),
		s.Search.Method, count.Of(len(s.Seeds), "seed"), s.Seeds, count.Of(trainings, "training"), steps)
	if rungs := s.Prune.Rungs(c.Steps); len(rungs) > 0 {
		fmt.Fprintf(out, "at steps %s the best 1/%d go on\n", strings.Trim(strings.ReplaceAll(fmt.Sprint(rungs), " ", ", "), "[]"), s.Prune.Factor)
	} else if s.Prune.Method != "" {
		fmt.Fprintf(out, "none is given up: prune.min_steps is %d, and they train for %d steps\n", s.Prune.MinSteps, c.Steps)
	}
	const shown = 10
	var before []search.Result
	for len(before) < min(s.Search.Trials, shown) {
		p := m.Suggest(before)
		if p == nil {
			break
		}
		why := ""
		if _, err := s.Config(s.Space.Assignments(p)); err != nil {
			why = ", which cannot be trained: " + err.Error()
		}
		fmt.Fprintf(out, "  %d: %s%s\n", len(before), s.Space.Label(p), why)
		before = append(before, search.Result{Point: p, Value: math.NaN()})
	}
	if n := s.Search.Trials - len(before); n > 0 {
		fmt.Fprintf(out, "  and %d more\n", n)
	}
	if n := min(s.Report.Settings*s.Problems(), s.Search.Trials); n > 0 {
		of := ""
		if s.Problems() > 1 {
			of = " of each problem"
		}
		fmt.Fprintf(out, "then on seeds %v: the best %d%s\n", s.Report.Seeds, min(s.Report.Settings, n), of)
		trainings += n * len(s.Report.Seeds)
	}
	seconds, rate, err := cost(s, c)
	if err != nil {
		return err
	}
	workers = min(workers, trainings)
	rounds := (trainings + workers - 1) / workers
	less := ""
	if len(s.Prune.Rungs(c.Steps)) > 0 {
		less = ", less where settings are given up"
	}
	_, err = fmt.Fprintf(out, "about %v a training of the first setting%s (%.0f steps/s), %v of processor time in all, %v with %d at a time%s\n",
		count.Lasting(seconds), mean, rate, count.Lasting(float64(trainings)*seconds), count.Lasting(float64(rounds)*seconds), workers, less)
	return err
}

// stepsOf returns the steps that settings train for, evenly over the space, where they differ.
func stepsOf(s *spec.Spec) (all []float64) {
	k := slices.IndexFunc(s.Space, func(d search.Dimension) bool { return d.Key == "steps" })
	if k < 0 {
		return nil
	}
	d := &s.Space[k]
	for i := range d.Choices {
		if c, err := s.Config([]string{"steps=" + d.Text(float64(i))}); err == nil {
			all = append(all, float64(c.Steps))
		}
	}
	if d.Kind != search.Choices && s.Search.Method == "grid" {
		g := search.Grid{Space: s.Space[k : k+1]}
		for i := range g.Trials() {
			all = append(all, g.At(i)[0])
		}
	} else if d.Kind != search.Choices {
		const parts = 1000
		all = append(all, d.Low, d.High)
		for i := range parts {
			all = append(all, d.At((float64(i)+0.5)/parts))
		}
	}
	return all
}

// cost measures about how many seconds a training takes a core, and its steps a second between
// evaluations.
func cost(s *spec.Spec, c *config.Config) (seconds, rate float64, err error) {
	// A worker has one.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	dir, err := os.MkdirTemp("", "paspo-sweep-")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(dir)
	short := *c
	if short.Device == config.DeviceAuto {
		short.Device = config.DeviceCPU
	}
	const iterations = 5
	short.Steps = iterations * int64(c.PPO.BatchSize())
	short.PPO.Steps, short.PPO.EvalEvery = short.Steps, min(c.PPO.EvalEvery, iterations)
	start := time.Now()
	r, err := agent.Start(&short, filepath.Join(dir, "run"))
	if err != nil {
		return 0, 0, err
	}
	defer r.Close()
	begin := time.Since(start)
	var busy, eval float64
	evals := 0
	if err := r.Trainer.Run(context.Background(), rl.Hooks{Iteration: func(m rl.Metrics) error {
		busy += m.RolloutSeconds + m.UpdateSeconds
		if m.EvalSeconds > 0 {
			eval += m.EvalSeconds
			evals++
		}
		return nil
	}}); err != nil {
		return 0, 0, err
	}
	rate = float64(r.Trainer.Step()) / busy
	seconds = float64(c.Steps) / rate
	if evals > 0 {
		all := float64(c.Steps) / float64(c.PPO.BatchSize()*c.PPO.EvalEvery)
		seconds += math.Ceil(all) * eval / float64(evals)
	}
	start = time.Now()
	if _, err := rl.Evaluate(context.Background(), r.Agent.Problem, r.Agent.Backend, rl.EvalOptions{
		Episodes: s.Objective.Episodes, Seed: c.PPO.EvalSeed, Set: sweep.Validation, MaxSteps: c.PPO.EvalMaxSteps,
	}); err != nil {
		return 0, 0, err
	}
	return (begin + time.Since(start)).Seconds() + seconds, rate, nil
}
