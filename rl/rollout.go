package rl

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"paspo/envs"
	"paspo/internal/finite"
	"paspo/internal/stats"
	"paspo/lp"
	"paspo/policy"
)

// Rollout holds the transitions of one iteration. Row t*envs+e is step t of
// environment e.
type Rollout struct {
	// Batch is for a Learner to load into the backend. The Learner fills in Advantage; Return is
	// already in the form that the critic learns. The backend keeps the samples, with the
	// intervals that they were drawn from, so that no interval is computed again.
	Batch policy.Batch

	// Advantages has one element a row, in the units of returns, less the mean of the group
	// at that step. With Config.Ranks they are replaced by their ranks.
	Advantages []float64

	// Rewards has one element a row: scaled where Config.ScaleRewards says so, and shaped by
	// a Constrained learner.
	Rewards []float64

	// Costs and CostAdvantages, rows x constraints, are for a Constrained learner: the costs of
	// every step and, where the backend has critics of costs, their advantages. Else they are nil.
	Costs          []float64
	CostAdvantages []float64
	costs          costs

	// Skipped are the rows of steps that took no action (see envs.Skipper), in ascending
	// order. They are no transitions, and nothing must be learned from them.
	Skipped []int32

	trainer *Trainer

	values    []float64 // of the critic, in the units of returns
	done      []bool
	after     []float64 // where done, the value of the state that would have followed: 0 if terminated
	last      []float64 // values of the observations after the last step, one an environment
	returns   []float64
	unskipped [2][]float64 // results of Unskipped, by place
	acted     []float64    // discounted sums of rewards of the environments that took an action

	// The observations after the last step and the final observations of truncated episodes,
	// with their limits and values.
	truncated []int // rows whose step truncated an episode
	ends      []float64
	endLimits []lp.Limits
	endValues []float64

	alpha, beta, mask []float32 // for the metrics alone, as is scratch
	scratch           [2][]float32
}

func newRollout(envs, steps int) *Rollout {
	rows := envs * steps
	return &Rollout{
		Batch: policy.Batch{
			Rows: rows, Advantage: make([]float32, rows), Return: make([]float32, rows),
		},
		Rewards: make([]float64, rows), values: make([]float64, rows), done: make([]bool, rows),
		after: make([]float64, rows), last: make([]float64, envs), Advantages: make([]float64, rows), returns: make([]float64, rows),
	}
}

// store copies the parts of the samples of step t that the metrics need.
func (r *Rollout) store(t, envs int, s *policy.Samples) {
	put := func(dst *[]float32, src []float32) {
		width := len(src) / envs
		if *dst == nil {
			*dst = make([]float32, r.Batch.Rows*width)
		}
		copy((*dst)[t*envs*width:], src)
	}
	put(&r.alpha, s.Alpha)
	put(&r.beta, s.Beta)
	put(&r.mask, s.Mask)
}

// collect plays StepsPerEnv steps in every environment and fills t.rollout.
func (t *Trainer) collect(ctx context.Context, m *Metrics) error {
	var (
		v, r  = t.vector, t.rollout
		n     = t.cfg.Envs
		ret   stats.Running // of finished episodes
		long  stats.Running
		fixed float64
	)
	r.truncated, r.ends, r.Skipped = r.truncated[:0], append(r.ends[:0], v.Obs()...), r.Skipped[:0]
	clear(r.after)
	m.MaxResidual = math.Inf(-1)
	m.Relaxed = 0
	if v.Limits() == nil {
		m.Relaxed = math.NaN()
	}
	for s := range t.cfg.StepsPerEnv {
		if err := ctx.Err(); err != nil {
			return err
		}
		m.Relaxed += float64(v.Relaxed())
		out, err := t.sample(m, s*n)
		if err != nil {
			return err
		}
		r.store(s, n, out)
		t.criticValues(r.values[s*n:(s+1)*n], out.Value)
		if k := len(r.costs.constraints); k > 0 {
			r.recordCosts(t.spec.Polytope, s*n, out.Actions, v.Limits())
			toFloat64(r.costs.values, s*n*k, out.CostValue)
		}
		fixed += out.FixedShare

		start := time.Now()
		err = v.Step(out.Actions)
		m.EnvSeconds += time.Since(start).Seconds()
		if err != nil {
			return err
		}
		t.step += int64(n)
		// The vector measures residuals too, in case the backend's are wrong.
		for e, x := range v.Residuals() {
			x = max(x, out.Residual[e])
			m.MaxResidual = max(m.MaxResidual, x)
			if !(x <= envs.Violation) {
				m.Violations++
			}
		}
		for _, e := range v.Finished() {
			ret.Add(e.Return)
			long.Add(float64(e.Length))
		}
		copy(r.done[s*n:], v.Done())
		for e, cut := range v.Truncated() {
			if cut {
				r.truncated = append(r.truncated, s*n+e)
				r.ends = append(r.ends, v.Final(e)...)
			}
		}
		for e, skipped := range v.Skipped() {
			if skipped {
				r.Skipped = append(r.Skipped, int32(s*n+e))
			}
		}
		t.scaleRewards(r.Rewards[s*n:(s+1)*n], v.Rewards(), v.Done())
	}

	// The critic's values of the observations after the rollout and of the final observations of
	// truncated episodes. This draws from no stream.
	copy(r.ends, v.Obs())
	out, err := t.sample(m, -1)
	if err != nil {
		return err
	}
	r.endValues = slices.Grow(r.endValues[:0], len(out.Value))[:len(out.Value)]
	t.criticValues(r.endValues, out.Value)
	copy(r.last, r.endValues)
	toFloat64(r.costs.last, 0, out.CostValue)
	costs := len(r.costs.constraints)
	clear(r.costs.after)
	for k, i := range r.truncated {
		r.after[i] = r.endValues[n+k]
		if len(out.CostValue) > 0 {
			toFloat64(r.costs.after[:(i+1)*costs], i*costs, out.CostValue[(n+k)*costs:])
		}
	}

	if m.Info, err = v.Info(); err != nil {
		return err
	}
	m.FixedShare = fixed / float64(t.cfg.StepsPerEnv)
	m.Episodes, m.Return, m.EpisodeLength = int(ret.N), ret.Mean, long.Mean
	if ret.N == 0 {
		m.Return, m.EpisodeLength = math.NaN(), math.NaN()
	}
	var other sync.WaitGroup
	other.Go(func() { m.Beta, r.scratch[1] = quantiles(r.beta, r.mask, r.scratch[1]) })
	m.Alpha, r.scratch[0] = quantiles(r.alpha, r.mask, r.scratch[0])
	other.Wait()
	return nil
}

// toFloat64 copies src into dst[at:], as many numbers as fit.
func toFloat64(dst []float64, at int, src []float32) {
	dst = dst[at:]
	for i := range min(len(dst), len(src)) {
		dst[i] = float64(src[i])
	}
}

// computeAdvantages writes the advantages of the rollout, and the returns that the critic learns.
func (t *Trainer) computeAdvantages(m *Metrics) error {
	r := t.rollout
	if len(r.Skipped) == r.Batch.Rows {
		return errors.New("every step of the rollout began an episode, none took an action: more steps of every environment are needed")
	}
	if c, ok := t.learner.(Constrained); ok {
		c.Shape(r.Rewards, r.Costs)
	}
	t.computeCostAdvantages()
	gae(r.Advantages, r.Rewards, r.values, r.done, r.after, r.last, t.cfg.Gamma, t.cfg.GAELambda)
	for i, a := range r.Advantages {
		r.returns[i] = a + r.values[i]
	}
	if i := finite.First(r.Advantages); i >= 0 {
		return t.tooLarge("advantage", i, r.Advantages[i])
	}
	subtractGroupMeans(r.Advantages, t.cfg.Group)
	if t.cfg.Ranks {
		size := t.cfg.Group
		if size == 1 {
			size = r.Batch.Rows
		}
		rankAdvantages(r.Advantages, size, r.Skipped)
	}
	m.ExplainedVariance = explainedVariance(r.Unskipped(0, r.returns), r.Unskipped(1, r.values))
	t.targets(r.Batch.Return, r.returns)
	if i := finite.First(r.Batch.Return); i >= 0 {
		return t.tooLarge("return that the critic learns", i, float64(r.Batch.Return[i]))
	}
	return nil
}

// tooLarge returns the error that a quantity of row i of the rollout is not finite.
func (t *Trainer) tooLarge(quantity string, i int, value float64) error {
	return &NonFiniteError{
		Tensor: fmt.Sprintf("the %s of environment %d at step %d of the rollout", quantity, i%t.cfg.Envs, i/t.cfg.Envs),
		Value:  value, Rewards: t.iteration == 0,
	}
}

// Unskipped returns the elements of x, which has one a row, without those of skipped rows. The
// result is valid until the next call with the same place, 0 or 1.
func (r *Rollout) Unskipped(place int, x []float64) []float64 {
	if len(r.Skipped) == 0 {
		return x
	}
	out, from := r.unskipped[place][:0], 0
	for _, i := range r.Skipped {
		out = append(out, x[from:i]...)
		from = int(i) + 1
	}
	r.unskipped[place] = append(out, x[from:]...)
	return r.unskipped[place]
}

// Standardise writes advantages, one a row, shifted and scaled to mean 0 and deviation 1 over the
// rows that are not skipped, and returns the scale.
func (r *Rollout) Standardise(dst []float32, advantages []float64) (scale float64) {
	m := stats.Of(r.Unskipped(0, advantages))
	scale = 1 / (m.Deviation() + stats.VarianceFloor)
	for i, a := range advantages {
		dst[i] = float32((a - m.Mean) * scale)
	}
	return scale
}

// subtractGroupMeans subtracts the mean of every group of advantages from its members.
// Environments of a group have the same draws, so that this removes the effect of the draws
// alone, and the rest compares the actions. An environment's actions do not depend on those of
// others, so that the gradient stays unbiased but for the factor 1 - 1/group, which its own
// share of the mean causes.
func subtractGroupMeans(adv []float64, group int) {
	if group == 1 {
		return
	}
	for members := range slices.Chunk(adv, group) {
		var sum float64
		for _, a := range members {
			sum += a
		}
		for i := range members {
			members[i] -= sum / float64(group)
		}
	}
}

// rankAdvantages replaces each advantage by its rank among its size neighbours, from -1/2 for the
// least to 1/2 for the largest, as Salimans et al. (arXiv 1703.03864) weight perturbations. Equal
// advantages share the mean of their ranks. Skipped rows have no rank.
func rankAdvantages(adv []float64, size int, skipped []int32) {
	rows := make([]int, 0, size)
	for from := 0; from < len(adv); from += size {
		rows = rows[:0]
		for i := from; i < from+size; i++ {
			if _, none := slices.BinarySearch(skipped, int32(i)); !none {
				rows = append(rows, i)
			}
		}
		slices.SortFunc(rows, func(i, j int) int { return cmp.Compare(adv[i], adv[j]) })
		for first := 0; first < len(rows); {
			end := first + 1
			for end < len(rows) && adv[rows[end]] == adv[rows[first]] {
				end++
			}
			mean := float64(first+end-len(rows)) / float64(2*max(len(rows)-1, 1))
			for _, i := range rows[first:end] {
				adv[i] = mean
			}
			first = end
		}
	}
}

// targets writes the returns in the form that the critic learns: unchanged, or standardised by
// their running statistics.
func (t *Trainer) targets(dst []float32, returns []float64) {
	mean, scale := 0.0, 1.0
	if t.cfg.ScaleValues {
		t.returnStats.Add(t.rollout.Unskipped(0, returns))
		mean, scale = t.returnStats.Mean[0], 1/t.returnDeviation()
	}
	for i, x := range returns {
		dst[i] = float32((x - mean) * scale)
	}
}

// sample samples one action for every environment, as the rows from at on of the rollout, and
// checks that all numbers are finite. With at -1 it evaluates the observations in ends instead:
// it draws nothing, keeps no row, and does not change the statistics of observations.
func (t *Trainer) sample(m *Metrics, at int) (out *policy.Samples, err error) {
	start := time.Now()
	n := t.cfg.Envs
	if limits := t.vector.Limits(); at >= 0 {
		out, err = t.actor.keep(at, t.vector.Obs(), limits, t.actions)
	} else {
		r := t.rollout
		n += len(r.truncated)
		if limits != nil {
			// Values do not depend on limits, so that final observations get the polytope's own.
			r.endLimits = append(r.endLimits[:0], limits...)
			limits = append(r.endLimits, make([]lp.Limits, len(r.truncated))...)
			r.endLimits = limits
		}
		out, err = t.actor.act(r.ends, limits, nil, policy.Mean)
	}
	m.SampleSeconds += time.Since(start).Seconds()
	if err != nil {
		return nil, t.refused(err)
	}
	if err := checkRows("action", out.Actions, n); err != nil {
		return nil, err
	}
	for _, c := range []struct {
		name string
		v    []float32
	}{
		{"value", out.Value}, {"log-probability", out.LogProb}, {"entropy", out.Entropy},
		{"alpha", out.Alpha}, {"beta", out.Beta},
	} {
		if err := checkRows(c.name, c.v, n); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// refused turns an error of sampling into the fault of the environment whose limits no
// allocation satisfies, where that is the cause.
func (t *Trainer) refused(err error) error {
	var none *lp.InfeasibleError
	if errors.As(err, &none) && t.vector.Limits() != nil && none.Row < t.cfg.Envs {
		return t.vector.Refused(none.Row, err)
	}
	return err
}

// criticValues converts outputs of the critic to the units of returns.
func (t *Trainer) criticValues(dst []float64, v []float32) {
	for i, x := range v {
		dst[i] = float64(x)
		if t.cfg.ScaleValues {
			dst[i] = t.returnStats.Mean[0] + t.returnDeviation()*float64(x)
		}
	}
}

func (t *Trainer) returnDeviation() float64 { return t.returnStats.Deviation(0) }

// scaleRewards writes the rewards of a step as training uses them: unchanged, or divided by the
// root mean square of the discounted return so far,
//
//	G_e = gamma G_e + r_e,  G_e = 0 after the end of an episode.
//
// It is not the deviation, which would be 0 where the first rewards are equal. As |r_e| is at
// most |G_e| now plus |G_e| before, a scaled reward is at most sqrt(2 N) after N rewards.
func (t *Trainer) scaleRewards(dst, rewards []float64, done []bool) {
	if !t.cfg.ScaleRewards {
		copy(dst, rewards)
		return
	}
	for e, x := range rewards {
		t.discounted[e] = t.cfg.Gamma*t.discounted[e] + x
	}
	r := t.rollout
	r.acted = r.acted[:0]
	for e, x := range t.discounted {
		if !t.vector.Skipped()[e] {
			r.acted = append(r.acted, x)
		}
	}
	t.rewardStats.Add(r.acted)
	size := math.Hypot(math.Sqrt(t.rewardStats.Variance(0)), t.rewardStats.Mean[0])
	if size == 0 {
		size = 1 // all were 0
	}
	for e, x := range rewards {
		dst[e] = x / size
		if done[e] {
			t.discounted[e] = 0
		}
	}
}
