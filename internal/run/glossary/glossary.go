// Package glossary explains the numbers of a run and the words of its reports.
package glossary

import (
	"slices"
	"strings"
)

// Entry is one name and what it means.
type Entry struct {
	Name string
	Text string
}

// Metrics are what metrics.jsonl holds of an iteration, and event files for TensorBoard
// under rollout/, train/, policy/, time/, eval/ and choice/.
var Metrics = []Entry{
	{"iteration", "Iterations done, this one included: one is a rollout of ppo.envs * ppo.steps_per_env steps and the update that learns from it."},
	{"step", "Environment steps done in all."},
	{"episodes", "Episodes that ended in this iteration."},
	{"return", "Mean sum of rewards of the episodes that ended in this iteration, under sampled actions. It is noisier than eval_return, and of the policy as it was during them."},
	{"episode_length", "Mean number of steps of these episodes."},
	{"policy_loss", "PPO's clipped objective, negated: mean over the update's gradient steps. Its size says little, since advantages are standardised; it should be slightly below 0."},
	{"value_loss", "Mean squared error of the critic, in units of ppo.scale_values where that is on. It falls as the critic learns, and rises where returns do."},
	{"entropy", "Entropy of the distribution that actions are sampled from, in nats, summed over the entities. It falls as the policy makes up its mind; at once to very low values: ppo.entropy_coef is too small or ppo.lr too large."},
	{"approx_kl", "Estimate of how far the update moved the policy (Kullback-Leibler divergence). Some 0.01 is usual; 0.1 and more is too far: a smaller ppo.lr or fewer ppo.epochs."},
	{"clip_fraction", "Share of samples whose probability ratio left the clip range of PPO, and which then push no further. 0.05 to 0.3 is usual."},
	{"explained_variance", "1 - Var(return - value) / Var(return): how much of the returns the critic foresees. 1 is all, 0 nothing, below 0 worse than a constant."},
	{"grad_norm", "Norm of the gradient before it is clipped to ppo.max_grad_norm, mean over gradient steps."},
	{"ratio_deviation", "Largest |ratio - 1| of the first gradient step, where policy and rollout are the same: what rounding does. It is about 1e-6; much more is a fault of the arithmetic."},
	{"lr", "Learning rate of this update, of its first epoch where it is adaptive (ppo.lr_schedule)."},
	{"entropy_coef", "Weight of the entropy in this update (ppo.entropy_schedule)."},
	{"epochs", "Passes over the rollout that this update made, fewer than ppo.epochs where ppo.target_kl stopped it."},
	{"fixed_share", "Share of all intervals that were narrower than policy.fixed_width, so that there was nothing to choose."},
	{"alpha_q05", "5 % quantile of the first parameter of the Beta distributions, over entities and states with something to choose. Large alpha and beta are narrow distributions; below 1 they peak at an endpoint of the interval."},
	{"alpha_q50", "Median of the first parameter of the Beta distributions (alpha_q05)."},
	{"alpha_q95", "95 % quantile of the first parameter of the Beta distributions (alpha_q05)."},
	{"beta_q05", "5 % quantile of the second parameter of the Beta distributions (alpha_q05)."},
	{"beta_q50", "Median of the second parameter of the Beta distributions (alpha_q05)."},
	{"beta_q95", "95 % quantile of the second parameter of the Beta distributions (alpha_q05)."},
	{"max_residual", "Largest amount by which an action of the iteration broke a constraint (residual). Negative where all were strictly inside; at most 1e-9 on a CPU."},
	{"violations", "Actions of the iteration with a residual above 1e-6. It is 0, but for algorithms that can break constraints (docs/algorithms.md)."},
	{"relaxed", "States whose limits left no allocation, so that the environment relaxed them by the least amount that does. Only where limits follow the state."},
	{"steps_per_second", "Environment steps a second, of rollout and update together, without evaluations."},
	{"rollout_seconds", "Time that the rollout took."},
	{"update_seconds", "Time that the update took."},
	{"env_seconds", "Time that the environments took, a part of rollout_seconds."},
	{"sample_seconds", "Time that choosing actions took, a part of rollout_seconds."},
	{"eval_return", "Mean return of evaluated episodes under the actions that the policy prefers (deterministic). This is the curve. Every evaluation is over the same episodes (ppo.eval_seed); where the environment knows what actions are expected to earn, of that (expected)."},
	{"eval_stderr", "Standard error of eval_return."},
	{"eval_episode_length", "Mean number of steps of these episodes."},
	{"eval_max_residual", "Largest residual of an action in them (max_residual)."},
	{"eval_violations", "Actions in them with a residual above 1e-6 (violations)."},
	{"eval_return_sampled", "As eval_return, under sampled actions."},
	{"eval_stderr_sampled", "Standard error of eval_return_sampled."},
	{"eval_episode_length_sampled", "As eval_episode_length, under sampled actions."},
	{"eval_max_residual_sampled", "As eval_max_residual, under sampled actions."},
	{"eval_violations_sampled", "As eval_violations, under sampled actions."},
	{"choice_return_mean", "Mean return of other episodes under the mean of every distribution. The better of choice_return_mean and choice_return_mode is what deterministic actions are, and the largest of all evaluations is the best checkpoint."},
	{"choice_return_mode", "As choice_return_mean, under the mode of every distribution."},
	{"choice_max_residual_mean", "Largest residual of an action in the episodes of choice_return_mean."},
	{"choice_max_residual_mode", "Largest residual of an action in the episodes of choice_return_mode."},
	{"choice_violations_mean", "Actions in the episodes of choice_return_mean with a residual above 1e-6 (violations)."},
	{"choice_violations_mode", "Actions in the episodes of choice_return_mode with a residual above 1e-6 (violations)."},
	{"eval_seconds", "Time that all evaluations after this iteration took."},
}

// Algorithms are the metrics of single algorithms, as metrics.jsonl and TensorBoard have them.
var Algorithms = []Entry{
	{"algo/cost_max", "Largest of the mean costs of the iteration: the cost of a step is by how much its action breaks one constraint (residual), 0 where it holds, and the mean is over the steps of the rollout. Only of algorithms that learn from costs; of optlayer, what its predictions would cost if they were not projected."},
	{"algo/cost_sum", "Sum of the mean costs over all constraints (algo/cost_max)."},
	{"algo/multiplier_max", "Largest weight of a cost, in units of reward a unit of cost: the multipliers of lagrangian and cup, the slope of ipo's barrier. Multipliers rise as long as a cost is above algo.cost_limit."},
	{"algo/multiplier_sum", "Sum of the weights of all costs (algo/multiplier_max)."},
	{"algo/cpo_case", "Which case of its program the step of cpo was: 0 no step is feasible, so that it lowers costs alone; 1 the policy breaks the limit and a step can mend it; 2 the policy keeps the limit, which a step could break; 3 no step could; 4 costs do not depend on the step."},
}

// Words are those of the comparison, the summary and constraints check.
var Words = []Entry{
	{"info", "Numbers that the environment measures itself, from Python those that step returns in its info: info/NAME is their mean over the steps of the iteration that had one, NaN and infinite ones left out."},
	{"algo", "Numbers of the algorithm beside those that all have, docs/algorithms.md: algo/cost_max and others."},
	{"s.e.", "Standard error of the mean return over the episodes of the table: two of them to either side hold the true mean in 95 % of all cases."},
	{"expected", "Mean of what the actions were expected to earn when they were taken, given what had been observed. It has the same mean as the return and far less noise; only environments that know it have the column, and shares are then measured in it."},
	{"share", "How far a policy is on the way from uniform allocations (0 %) to the best that is known (100 %), measured on the same episodes. Below 0 it earns less than uniform ones."},
	{"95 % interval", "What the share is between in 95 % of all cases, by resampling episodes (bootstrap)."},
	{"trained policy", "The policy at the end of training, taking the actions that it prefers."},
	{"trained policy, sampled", "The same, with actions sampled from its distributions as in training."},
	{"initial policy", "What training started from: fitted to uniform points of the polytope (de-biased initialisation)."},
	{"initial policy, sampled", "The initial policy, with actions sampled from its distributions: nearly uniform over the polytope."},
	{"uniform", "A baseline that draws every allocation uniformly from the polytope."},
	{"uniform, projected", "The same where limits follow the state: drawn from the polytope, and then the closest allocation that the limits of the state allow."},
	{"equal weights", "A baseline that always takes the feasible allocation closest to equal shares."},
	{"best constant", "The allocation that earns most of those that are taken in every step alike; on compute, the best that a search has found."},
	{"optimum", "The best policy there is. No other can be better but by chance."},
	{"upper bound", "What no policy can exceed; none need reach it."},
	{"best found by search", "The best actions that a long search has found, a lower bound of the optimum."},
	{"myopic", "A baseline that earns most in the step at hand and looks no further."},
	{"residual", "By how much an allocation breaks a constraint, relative to what the terms of the constraint can be. 0 or less where none is broken; rounding leaves up to 1e-9. docs/method.md, section 1."},
	{"violations", "Actions with a residual above 1e-6, of all policies and episodes of the table, or of training and comparison together."},
	{"hit rate", "Share of the endpoints of intervals that warm-start bases proved, so that no linear program had to be solved."},
	{"bases", "Bases of linear programs that are kept because they were optimal before: an interval whose end one of them proves costs no linear program."},
	{"mean", "Rule of actions that are not sampled: every entity gets the mean of its distribution. The run takes mean or mode, whichever earns more (ppo.deterministic_action)."},
	{"mode", "Rule of actions that are not sampled: every entity gets the most likely amount of its distribution (mean)."},
	{"intervals", "How the smallest and largest amount that is left to the next entity are found: explicit is the closed form, lazy warm-start bases, clp linear programs."},
	{"feasible share", "Share of the simplex of all allocations of the total, or of the box where there is no total, that satisfies the constraints."},
	{"redundant", "Of a row: the others imply it, so that it can be left out."},
	{"closed form", "The endpoints of every interval as the largest or smallest of affine pieces in what was given before: no linear program is needed to act."},
	{"pieces", "Affine functions that an endpoint of an interval can be equal to. 'in all' is for any limits that follow the state, 'needed' for the constraints' own."},
	{"below", "In constraints check, '2 of 2 below' says of an entity that the lower endpoint of its interval is the largest of 2 pieces, and that all 2 of them are needed for the constraints' own limits."},
	{"above", "In constraints check, '3 of 22 above' says of an entity that the upper endpoint of its interval is the smallest of 22 pieces, of which 3 are needed for the constraints' own limits."},
	{"best checkpoint", "The one with the largest evaluation on episodes of its own (choice_return_mean), which need not be the last: --checkpoint best."},
	{"shadow price", "Of a limit, on the page of train portfolio: the logarithmic growth a year that a limit looser by 0.01 would have earned the best constant allocation in hindsight, as a rate. Where limits meet so that tightening one costs another amount, that is said beside it."},
	{"periods at it", "Of a limit, on the page of train portfolio: in how many periods the trained policy was within a thousandth of the wealth of it, or beyond where it was relaxed."},
	{"limits", "Right-hand sides and bounds of the constraints: the file's own, or those of a state where the environment changes them."},
}

// Groups are the folds in which TensorBoard shows metrics.
var Groups = []string{"rollout", "train", "policy", "time", "eval", "choice", "info", "algo"}

// Find returns the entries of a name, as a metric, as TensorBoard's tag of one, and as a
// word; the case of letters does not matter.
func Find(name string) []Entry {
	name = strings.ToLower(strings.TrimSpace(name))
	names := []string{name}
	if group, rest, ok := strings.Cut(name, "/"); ok && slices.Contains(Groups, group) {
		switch names = []string{rest, group + "_" + rest}; group {
		case "info":
			names = []string{group}
		case "algo":
			names = []string{name}
		case "eval", "choice":
			names = names[1:]
		}
	}
	var found []Entry
	for _, e := range slices.Concat(Metrics, Algorithms, Words) {
		if slices.Contains(names, strings.ToLower(e.Name)) {
			found = append(found, e)
		}
	}
	return found
}
