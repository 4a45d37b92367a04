package agent

import (
	"fmt"
	"slices"
	"strings"

	"paspo/internal/run/config"
	"paspo/internal/run/report"
	"paspo/ppo"
	"paspo/rl"
)

// unusual is the factor between a learning rate and the default from which the rate is the likeliest
// reason why a run did not learn.
const unusual = 10

// advice says what to try after a run that learned less than it could, the likeliest first, without what
// the run has already. It is empty where nothing is known to try.
func advice(c *config.Config, s *report.Summary, found []report.Warning) string {
	has := func(f report.Finding) bool {
		return slices.ContainsFunc(found, func(w report.Warning) bool { return w.Finding == f })
	}
	var try []string
	add := func(when bool, format string, a ...any) {
		if when {
			try = append(try, fmt.Sprintf(format, a...))
		}
	}
	usual := ppo.DefaultConfig()
	tooLarge, tooSmall := c.PPO.LR >= unusual*usual.LR, c.PPO.LR*unusual <= usual.LR

	add(tooLarge || tooSmall, "ppo.lr=%g, the default, in place of %g", usual.LR, c.PPO.LR)
	add(has(report.BelowStart), "--checkpoint initial, which act and eval take for the policy that training began with")
	add(s.Training.BestReturn > s.Training.EvalReturn && s.Training.BestIteration < s.Iterations, "--checkpoint best, from before the curve fell (iteration %d)", s.Training.BestIteration)
	add(has(report.SampledBetter) && !has(report.BelowStart), "eval and act with --stochastic")
	add(!tooLarge, "more --steps")
	add(!tooLarge && !tooSmall, "a smaller ppo.lr")
	add(c.PPO.LRSchedule == rl.ScheduleConstant, "ppo.lr_schedule=linear")
	add(has(report.Collapsed), "a larger ppo.entropy_coef")
	add(!has(report.Collapsed) && c.PPO.EntropyCoef != 0, "ppo.entropy_coef=0")
	add(c.PPO.Gamma != 0, "a ppo.gamma that matches how long actions have effects")
	add(true, "more ppo.envs with a larger ppo.minibatch")
	add(!c.PPO.ScaleValues, "ppo.scale_values=true")
	add(has(report.BelowReference), "debias.around, which starts training about an allocation that is known to be good")
	return "try, one at a time: " + strings.Join(try, "; ")
}
