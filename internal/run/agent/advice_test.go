package agent

import (
	"strings"
	"testing"

	"paspo/internal/run/config"
	"paspo/internal/run/report"
	"paspo/rl"
)

func TestAdvice(t *testing.T) {
	for _, c := range []struct {
		name     string
		change   func(*config.Config, *report.Summary)
		found    report.Finding
		has, not []string
	}{
		{"defaults", nil, report.NoGain, []string{"more --steps", "ppo.lr_schedule=linear", "ppo.scale_values=true"}, []string{"--checkpoint", "--stochastic", "debias"}},
		{"what is set", func(c *config.Config, _ *report.Summary) {
			c.PPO.LRSchedule, c.PPO.ScaleValues, c.PPO.EntropyCoef, c.PPO.Gamma = rl.ScheduleLinear, true, 0, 0
		}, report.NoGain, []string{"a smaller ppo.lr"}, []string{"lr_schedule", "scale_values", "entropy_coef", "gamma"}},
		{"large rate", func(c *config.Config, _ *report.Summary) { c.PPO.LR = 1 }, report.Collapsed,
			[]string{"one at a time: ppo.lr=0.001, the default, in place of 1", "a larger ppo.entropy_coef"}, []string{"smaller", "steps", "ppo.entropy_coef=0"}},
		{"small rate", func(c *config.Config, _ *report.Summary) { c.PPO.LR = 1e-7 }, report.NoGain, []string{"one at a time: ppo.lr=0.001, the default, in place of 1e-07"}, []string{"smaller"}},
		{"the start was better", nil, report.BelowStart, []string{"--checkpoint initial"}, nil},
		{"an earlier one was better", func(_ *config.Config, s *report.Summary) {
			s.Iterations, s.Training.BestIteration, s.Training.BestReturn, s.Training.EvalReturn = 90, 40, 3, 2
		}, report.BelowReference, []string{"--checkpoint best", "iteration 40", "debias.around"}, nil},
		{"samples are better", nil, report.SampledBetter, []string{"--stochastic"}, nil},
	} {
		cfg, s := config.Default(), &report.Summary{}
		if c.change != nil {
			c.change(cfg, s)
		}
		text := advice(cfg, s, []report.Warning{{Finding: c.found}})
		for _, want := range c.has {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in %q", c.name, want, text)
			}
		}
		for _, other := range c.not {
			if strings.Contains(text, other) {
				t.Errorf("%s: %q in %q", c.name, other, text)
			}
		}
	}
}
