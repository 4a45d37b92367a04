package glossary

import (
	"regexp"
	"slices"
	"strings"
)

// Entry is a name and its explanation.
type Entry struct {
	Name string
	Text string
}

// Metrics are the numbers of an iteration in metrics.jsonl, and in event files for TensorBoard
// under rollout/, train/, policy/, time/, eval/ and choice/.
var Metrics = []Entry{
	{"iteration", "Iterations done, this one included: one is a rollout of ppo.envs * ppo.steps_per_env steps and the update that learns from it."},
	{"step", "Environment steps done in all."},
	{"episodes", "Episodes that ended in this iteration."},
	{"return", "Mean sum of rewards of the episodes that ended in this iteration, under sampled actions. It is noisier than eval_return, and the policy may have changed during an episode."},
	{"episode_length", "Mean number of steps of these episodes."},
	{"policy_loss", "PPO's clipped objective, negated: mean over the update's gradient steps. Its size says little, since advantages are standardised; it should be slightly below 0."},
	{"value_loss", "Mean squared error of the critic, in units of ppo.scale_values where that is on. It falls as the critic learns, and rises where returns do."},
	{"entropy", "Entropy of the distribution that actions are sampled from, in nats, summed over the entities. It falls as the policy becomes narrower. Where it falls to very low values at once, ppo.entropy_coef is too small or ppo.lr too large."},
	{"approx_kl", "Estimate of how far the update moved the policy (Kullback-Leibler divergence). About 0.01 is usual; 0.1 and more is too far: try a smaller ppo.lr or fewer ppo.epochs."},
	{"clip_fraction", "Share of samples whose probability ratio left the clip range of PPO, and which then push no further. 0.05 to 0.3 is usual."},
	{"explained_variance", "1 - Var(return - value) / Var(return): how well the critic predicts returns. 1 is perfect, 0 no better than a constant, below 0 worse than a constant."},
	{"grad_norm", "Norm of the gradient before it is clipped to ppo.max_grad_norm, mean over gradient steps."},
	{"ratio_deviation", "Largest |ratio - 1| of the first gradient step, before which the policy is the one of the rollout: the effect of rounding. It is at most about 1e-6; much more is a fault of the arithmetic."},
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
	{"max_residual", "Largest amount by which an action of the iteration broke a constraint (residual). Negative where all were strictly inside; at most 1e-9 on a CPU, and 6e-8 where an environment in Python takes actions of float32, whose rounding is in it."},
	{"violations", "Actions of the iteration with a residual above 1e-6. It is 0, but for algorithms that can break constraints (docs/algorithms.md)."},
	{"relaxed", "States whose limits no allocation satisfied, so that the environment relaxed them by the least amount with which one does. Only where limits follow the state."},
	{"steps_per_second", "Environment steps a second, of rollout and update together, without evaluations."},
	{"rollout_seconds", "Time that the rollout took."},
	{"update_seconds", "Time that the update took."},
	{"env_seconds", "Time that the environments took, a part of rollout_seconds."},
	{"sample_seconds", "Time that choosing actions took, a part of rollout_seconds."},
	{"eval_return", "Mean return of evaluated episodes under actions that are not sampled (mean, mode). This is the learning curve. Every evaluation plays the same episodes (ppo.eval_seed). Where the environment knows the expected reward of an action, returns are sums of expected rewards (expected)."},
	{"eval_stderr", "Standard error of eval_return."},
	{"eval_episode_length", "Mean number of steps of these episodes."},
	{"eval_max_residual", "Largest residual of an action in them (max_residual)."},
	{"eval_violations", "Actions in them with a residual above 1e-6 (violations)."},
	{"eval_return_sampled", "As eval_return, under sampled actions."},
	{"eval_stderr_sampled", "Standard error of eval_return_sampled."},
	{"eval_episode_length_sampled", "As eval_episode_length, under sampled actions."},
	{"eval_max_residual_sampled", "As eval_max_residual, under sampled actions."},
	{"eval_violations_sampled", "As eval_violations, under sampled actions."},
	{"choice_return_mean", "Mean return of other episodes under the mean of every distribution. The better of choice_return_mean and choice_return_mode chooses the rule of actions that are not sampled, and the largest of all evaluations chooses the best checkpoint."},
	{"choice_return_mode", "As choice_return_mean, under the mode of every distribution."},
	{"choice_max_residual_mean", "Largest residual of an action in the episodes of choice_return_mean."},
	{"choice_max_residual_mode", "Largest residual of an action in the episodes of choice_return_mode."},
	{"choice_violations_mean", "Actions in the episodes of choice_return_mean with a residual above 1e-6 (violations)."},
	{"choice_violations_mode", "Actions in the episodes of choice_return_mode with a residual above 1e-6 (violations)."},
	{"eval_seconds", "Time that all evaluations after this iteration took."},
}

// Algorithms are the metrics of single algorithms, as metrics.jsonl and TensorBoard have them.
var Algorithms = []Entry{
	{"algo/cost_max", "Largest of the mean costs of the iteration: the cost of a step is by how much its action breaks one constraint (residual), 0 where it holds, and the mean is over the steps of the rollout. Only of algorithms that learn from costs; of optlayer it is the cost of predictions before they are projected."},
	{"algo/cost_sum", "Sum of the mean costs over all constraints (algo/cost_max)."},
	{"algo/multiplier_max", "Largest weight of a cost, in units of reward a unit of cost: the multipliers of lagrangian and cup, the slope of ipo's barrier. Multipliers rise as long as a cost is above algo.cost_limit."},
	{"algo/multiplier_sum", "Sum of the weights of all costs (algo/multiplier_max)."},
	{"algo/cpo_case", "Which kind of step cpo took: 0 no step is feasible, so that it lowers costs alone; 1 the policy breaks the limit and a step can satisfy it; 2 the policy satisfies the limit, and a step could break it; 3 no step could break it; 4 costs do not depend on the step."},
}

// Words are words of the comparison, the summary and constraints check.
var Words = []Entry{
	{"info", "Numbers that the environment measures itself, from Python those that step returns in its info: info/NAME is their mean over the steps of the iteration that had one, NaN and infinite ones left out."},
	{"algo", "Numbers that only some algorithms have (docs/algorithms.md): algo/cost_max and others."},
	{"s.e.", "Standard error of the mean return over the episodes of the table: within two of them to either side lies the true mean in 95 % of all cases."},
	{"expected", "Mean over episodes of the sum of expected rewards: of each action when it was taken, given the observations until then. It has the same mean as the return and far less noise. Only environments that know it have the column, and shares are then measured in it."},
	{"share", "How far a policy is on the way from uniform allocations (0 %) to the best that is known (100 %), measured on the same episodes: an optimum, an upper bound, the best found by a search or the best constant, whichever row of the table has 100 %. Below 0 its return is smaller than that of uniform allocations."},
	{"95 % interval", "The interval that holds the share in 95 % of all cases, by resampling episodes (bootstrap)."},
	{"last evaluation", "The evaluation after the last iteration: eval_return with its standard error, over the episodes of the learning curve, which are others than those of the table."},
	{"last_iteration_return", "In summary.json, the metric return of the last iteration in which episodes ended: the mean of the few episodes of one iteration, under sampled actions. eval_return is less noisy."},
	{"deterministic action", "The action that is not sampled: every entity gets the mean or the mode of its distribution, as ppo.deterministic_action says. auto takes whichever earns more, on episodes that are played for that alone."},
	{"trained policy", "The policy at the end of training, with actions that are not sampled (mean, mode)."},
	{"trained policy, sampled", "The same, with actions sampled from its distributions as in training."},
	{"initial policy", "The policy that training started from, usually fitted to uniform points of the polytope (de-biased initialisation). The picture of the curve begins with it, at step 0, as it acts with the statistics of observations of the end."},
	{"initial policy, sampled", "The initial policy, with actions sampled from its distributions: nearly uniform over the polytope."},
	{"uniform", "A reference policy that draws every allocation uniformly from the polytope."},
	{"uniform, projected", "The same where limits follow the state: drawn from the polytope, and then the closest allocation that the limits of the state allow."},
	{"equal weights", "A reference policy that always takes the feasible allocation closest to equal shares."},
	{"equal shares", "On compute, a reference policy that always takes the feasible split closest to equal shares."},
	{"fastest first", "On compute, a reference policy that always takes the split with the largest mean speed of the servers that work goes to."},
	{"greedy by speed", "On compute, a reference policy that always takes the feasible split closest to shares in proportion to the speeds of the servers."},
	{"level queues", "On compute, a reference policy that sends a task where queues are short, so that all servers would be done at the same time."},
	{"level load", "On compute, a reference policy that always takes the split whose largest share for the speed of its server is the least: one linear program, solved once."},
	{"best constant", "The one allocation with the largest return when it is taken in every step; on compute, the best that a search has found, on portfolio that without costs of trading."},
	{"optimum", "The best possible policy by the environment's own model, which the column expected is of. Another one can have a larger mean return only by chance; on real returns, which the model was fitted to, it is no bound."},
	{"upper bound", "A return that no policy can exceed, and that perhaps none can reach."},
	{"optimum without costs", "The policy that would be the best one if trading were free. Where it is not, another one can be better."},
	{"best found by search", "The best actions that a long search has found, a lower bound of the optimum."},
	{"myopic", "A reference policy that takes the action with the largest reward in the present step."},
	{"residual", "By how much an allocation breaks a constraint, relative to the size that the terms of the constraint can have. 0 or less where none is broken; rounding leaves up to 1e-9. docs/method.md, section 1."},
	{"violations", "Actions with a residual above 1e-6, of all policies and episodes of the table, or of training and comparison together."},
	{"hit rate", "Share of the endpoints of intervals that warm-start bases proved, so that no linear program had to be solved."},
	{"bases", "Bases of linear programs that are kept because they were optimal before: an endpoint that one of them proves needs no linear program."},
	{"mean", "Rule of actions that are not sampled: every entity gets the mean of its distribution. The run takes mean or mode, whichever has the larger return (ppo.deterministic_action)."},
	{"mode", "Rule of actions that are not sampled: every entity gets the most likely amount of its distribution (mean)."},
	{"intervals", "The method that computes the smallest and the largest amount of the next entity: explicit is the closed form, lazy warm-start bases, simplex columns, clp linear programs."},
	{"feasible share", "Share of the simplex of all allocations of the total, or of the box where there is no total, that satisfies the constraints."},
	{"redundant", "Of a row: the others imply it, so that it can be left out."},
	{"closed form", "The endpoints of every interval as the largest or smallest of affine pieces in the amounts before: no linear program is needed to act."},
	{"pieces", "Affine functions that an endpoint of an interval can be equal to. 'in all' is for any limits that follow the state, 'needed' for the constraints' own."},
	{"below", "In constraints check, '2 of 2 below' says of an entity that the lower endpoint of its interval is the largest of 2 pieces, and that all 2 of them are needed for the constraints' own limits."},
	{"above", "In constraints check, '3 of 22 above' says of an entity that the upper endpoint of its interval is the smallest of 22 pieces, of which 3 are needed for the constraints' own limits."},
	{"best checkpoint", "The checkpoint with the largest return on the episodes that choose (choice_return_mean), which need not be the last: --checkpoint best. The initial policy is not among them: --checkpoint initial is that, and a warning says where its return is larger than that of the trained policy."},
	{"shadow price", "Of a limit, on the page of train portfolio: the logarithmic growth a year that a limit looser by 0.01 would have earned the best constant allocation in hindsight, as a rate. Where several limits meet and tightening the limit costs another rate, the page states that rate too."},
	{"periods at it", "Of a limit, on the page of train portfolio: the number of periods in which the trained policy was within a thousandth of the wealth of the limit, or beyond it where it was relaxed."},
	{"growth", "In the table of train portfolio, the growth of the wealth a year after costs, as a rate, with a 95 % interval by resampling blocks of periods."},
	{"beyond equal weights", "In the table of train portfolio, the logarithmic growth a year beyond that of the policy equal weights, with a 95 % interval. A policy is shown to be better only where the whole interval is above 0."},
	{"volatility", "Standard deviation of the logarithmic returns of the n periods, that of a sample (over n - 1), times the root of the periods a year."},
	{"Sharpe", "Mean return of the periods over their standard deviation, that of a sample as in volatility, times the root of the periods a year. Nothing is taken off for a riskless rate."},
	{"Sortino", "As Sharpe, over the root of the mean of squared losses, of all n periods: gains are no risk."},
	{"drawdown", "The largest loss from the largest wealth until then, as a share of that."},
	{"CVaR", "Conditional value at risk: the mean return of the worst 5 % of the periods, their number rounded down, at least one."},
	{"costs", "Costs of trading and of borrowing a year, as a share of the wealth."},
	{"turnover", "What is bought and what is sold, both counted, as a share of the wealth: half of it is the one-way turnover. In constraints turnover(X) is |a - h| summed over X, with a the shares after trading and h those before; in the table of train portfolio it is the sum of a year."},
	{"leverage", "In constraints leverage(X) is |a| summed over X: leverage(ALL) is the gross exposure, cash included, which is 1 where nothing is short."},
	{"buy and hold", "A policy that buys equal weights, over as many periods as limits on turnover take, and then trades no more than limits ask for."},
	{"constant rebalanced", "Of a portfolio: it restores the same shares in every period. Equal weights and best constant in hindsight are."},
	{"minimum variance", "A policy that takes the allocation of the least variance over the periods of the window before each period."},
	{"mean-variance", "A policy that takes the allocation with the most of mean less half the variance over the periods of the window before each period."},
	{"OLMAR", "On-line moving average reversion (Li and Hoi, ICML 2012): a policy that expects prices to go to their mean over 5 periods, and moves as little as a growth of 10 by that takes."},
	{"EG", "Exponentiated gradient (Helmbold, Schapire, Singer and Warmuth, 1998): a policy that begins with equal weights and after each period shifts shares to what grew, slowly, at a rate of 0.05."},
	{"best constant in hindsight", "The constant rebalanced portfolio with the largest growth over these very periods. It knows them, pays no costs of trading and has no limit on what is traded: a bound, and no policy that anybody could have followed."},
	{"group", "Environments in a row that are given the same random numbers, as many as ppo.group says: what differs in what they earn comes of their actions, so that an advantage is taken relative to the mean of the group."},
	{"auto", "Of ppo.deterministic_action: mean or mode, whichever earns more."},
	{"binds", "Of a limit, in train portfolio decide: what is held after the orders is at it."},
	{"least distance", "Of a limit, in the table of train portfolio: the least that the trained policy was away from it in any period, below 0 where it was relaxed."},
	{"tighter", "Of a shadow price: the rate that tightening the limit costs, where it is another one than what loosening it earns."},
	{"lot", "The number of shares that orders are multiples of."},
	{"fees", "Costs of today's orders, in money: costs of trading as the run was trained with."},
	{"window", "Of train portfolio: the periods that one training learns from. The next ones are traded, then it moves on."},
	{"bootstrap", "The stationary bootstrap (Politis and Romano, 1994): blocks of real periods of random length, drawn with replacement. It is the default model of the market, and makes the intervals of the table."},
	{"hidden-markov", "A model of the market: logarithmic returns that are Gaussian in each of a few states of a Markov chain which nobody sees."},
	{"borrow", "env.market.borrow: what being short of an asset costs a period, as a share of the amount."},
	{"R-hat", "Split R-hat (Gelman and others): the deviation over all chains of hit-and-run relative to that within halves of chains. It is near 1 where the points are uniform."},
	{"limits", "Right-hand sides and bounds of the constraints: the file's own, or those of a state where the environment changes them."},
}

// Groups are the folds in which TensorBoard shows metrics.
var Groups = []string{"rollout", "train", "policy", "time", "eval", "choice", "info", "algo"}

// column matches what a column of the table of train portfolio says beside a name.
var column = regexp.MustCompile(`( a year| \[95 %\]| 5 %)+$`)

// Find returns the entries of a name: of a metric, of TensorBoard's tag of one, or of a word. The
// case of letters does not matter.
func Find(name string) []Entry {
	name = strings.ToLower(strings.TrimSpace(name))
	names := []string{name, column.ReplaceAllString(name, "")}
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
