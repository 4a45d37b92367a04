package sweep

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"paspo/internal/count"
	"paspo/internal/run/agent"
	"paspo/internal/run/config"
	"paspo/internal/sweep/search"
	"paspo/internal/sweep/spec"
	"paspo/rl"
)

// Plan prints what a sweep would train, and about how long that takes some workers, each on
// a core.
func Plan(s *spec.Spec, out io.Writer, workers int) error {
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
	fmt.Fprintf(out, "%s on %s: %s by %s search, %s (%v), %s of %s\n", s.Objective.Statistic, on, count.Of(s.Search.Trials, "setting"),
		s.Search.Method, count.Of(len(s.Seeds), "seed"), s.Seeds, count.Of(trainings, "training"), count.Of(int(c.Steps), "step"))
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
	_, err = fmt.Fprintf(out, "about %v a training of the first setting (%.0f steps/s), %v of processor time in all, %v with %d at a time%s\n",
		lasting(seconds), rate, lasting(float64(trainings)*seconds), lasting(float64(rounds)*seconds), workers, less)
	return err
}

// lasting returns a number of seconds as people read it. A time.Duration ends at 292 years.
func lasting(seconds float64) string {
	const year = 365 * 24 * 3600
	if seconds >= 100*year {
		return fmt.Sprintf("%.3g years", seconds/year)
	}
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
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
		Episodes: s.Objective.Episodes, Seed: c.PPO.EvalSeed, Set: Validation, MaxSteps: c.PPO.EvalMaxSteps,
	}); err != nil {
		return 0, 0, err
	}
	return (begin + time.Since(start)).Seconds() + seconds, rate, nil
}

// Progress returns a function that shows how far a sweep is in one line.
func (w *Sweep) Progress(show func(string)) func(*Status) {
	start, from := time.Now(), int64(-1)
	return func(s *Status) {
		steps := s.StepsDone
		for _, g := range s.Running {
			steps += g.Step
		}
		if from < 0 {
			from = steps
		}
		text := fmt.Sprintf("%d/%d trainings done, %d running", s.Done, s.Trainings, s.running())
		if s.GivenUp > 0 {
			text += fmt.Sprintf(", %d given up", s.GivenUp)
		}
		if s.Failed > 0 {
			text += fmt.Sprintf(", %d failed", s.Failed)
		}
		if elapsed := time.Since(start); steps > from {
			text += ", ETA " + lasting(elapsed.Seconds()*float64(max(0, s.Steps-steps))/float64(steps-from))
		}
		// Last, as it may be longer than the terminal is wide.
		if s.Best >= 0 {
			b := s.Settings[s.Best]
			var values []string
			for k := range w.Spec.Space {
				values = append(values, w.Spec.Space[k].Key+"="+short(w.Spec.Space[k], b.Point[k]))
			}
			text += fmt.Sprintf("; best %.4g: %s", b.Value, strings.Join(values, " "))
		}
		show(text)
	}
}
