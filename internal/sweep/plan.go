package sweep

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"paspo/internal/run/agent"
	"paspo/internal/run/config"
	"paspo/internal/sweep/search"
	"paspo/rl"
)

// Plan prints what a sweep would train, and about how long that takes a core.
func (s *Spec) Plan(out io.Writer) error {
	if err := s.check(); err != nil {
		return err
	}
	c, err := s.Config(nil)
	if err != nil {
		return err
	}
	trainings := s.Search.Trials * len(s.Seeds)
	fmt.Fprintf(out, "%s on %s: %d settings by %s search, %d seeds, %d trainings of %d steps\n",
		s.Objective.Statistic, c.Env.Name, s.Search.Trials, s.Search.Method, len(s.Seeds), trainings, c.Steps)
	if rungs := s.Prune.rungs(c.Steps); len(rungs) > 0 {
		fmt.Fprintf(out, "at %v steps the best 1/%d go on\n", rungs, s.Prune.Factor)
	} else if s.Prune.Method != "" {
		fmt.Fprintf(out, "none is given up early: prune.min_steps is %d, and they train for %d steps\n", s.Prune.MinSteps, c.Steps)
	}
	const shown = 10
	m := s.method()
	var before []search.Result
	for len(before) < min(s.Search.Trials, shown) {
		p := m.Suggest(before)
		if p == nil {
			break
		}
		fmt.Fprintf(out, "  %d: %s\n", len(before), s.Space.Label(p))
		before = append(before, search.Result{Point: p, Value: math.NaN()})
	}
	if n := s.Search.Trials - len(before); n > 0 {
		fmt.Fprintf(out, "  and %d more\n", n)
	}
	if n := min(s.Report.Settings, s.Search.Trials); n > 0 {
		fmt.Fprintf(out, "the best %d are trained again on seeds %v\n", n, s.Report.Seeds)
		trainings += n * len(s.Report.Seeds)
	}
	begin, rate, err := speed(c)
	if err != nil {
		return err
	}
	each := begin + time.Duration(float64(c.Steps)/rate*float64(time.Second))
	_, err = fmt.Fprintf(out, "about %v a training of the base, %v of processor time in all (%.0f steps/s here)\n",
		each.Round(time.Second), (time.Duration(trainings) * each).Round(time.Second), rate)
	return err
}

// speed measures how long a training takes to begin, and its steps a second.
func speed(c *config.Config) (begin time.Duration, rate float64, err error) {
	dir, err := os.MkdirTemp("", "paspo-sweep-")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(dir)
	short := *c
	if short.Device == config.DeviceAuto {
		short.Device = config.DeviceCPU
	}
	short.Steps = int64(5 * c.PPO.BatchSize())
	short.PPO.Steps, short.PPO.EvalEvery = short.Steps, 0
	start := time.Now()
	r, err := agent.Start(&short, filepath.Join(dir, "run"))
	if err != nil {
		return 0, 0, err
	}
	defer r.Close()
	begin = time.Since(start)
	start = time.Now()
	if err := r.Trainer.Run(context.Background(), rl.Hooks{}); err != nil {
		return 0, 0, err
	}
	return begin, float64(r.Trainer.Step()) / time.Since(start).Seconds(), nil
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
		text := fmt.Sprintf("%d/%d trainings done, %d running", s.Done, s.Trainings, len(s.Running))
		if s.GivenUp > 0 {
			text += fmt.Sprintf(", %d given up", s.GivenUp)
		}
		if s.Failed > 0 {
			text += fmt.Sprintf(", %d failed", s.Failed)
		}
		if s.Best >= 0 {
			b := s.Settings[s.Best]
			text += fmt.Sprintf("; best %.4g (%s)", b.Value, b.Label)
		}
		if elapsed := time.Since(start); steps > from {
			left := time.Duration(float64(elapsed) * float64(max(0, s.Steps-steps)) / float64(steps-from))
			text += "; ETA " + left.Round(time.Second).String()
		}
		show(text)
	}
}
