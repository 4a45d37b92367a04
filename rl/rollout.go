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
	// Batch is what a Learner loads into the backend. The Learner fills in the advantages; the
	// returns are there, as the critic learns them. The samples stay with the backend, with the
	// intervals that they were drawn from, which are never computed again.
	Batch policy.Batch

	// Advantages are the estimates of every transition, in the units of returns, less
	// the mean of the group at that step; their ranks where Config.Ranks says so.
	Advantages []float64

	// Rewards are those that training sees: scaled where Config.ScaleRewards says so, and shaped by
	// a Constrained learner. Row by row, as are Advantages.
	Rewards []float64

	// Costs and CostAdvantages are of a Constrained learner, rows x constraints: the costs of every
	// step and, where the backend has critics of costs, their advantages. Else they are nil.
	Costs          []float64
	CostAdvantages []float64
	costs          costs

	// Skipped are the rows of steps that took no action (see envs.Skipper), in ascending
	// order: what is there is no transition, and nothing is to be learned from it.
	Skipped []int32

	trainer *Trainer

	values  []float64 // in the units of returns
	done    []bool
	after   []float64 // where done, the value of what would have come: 0 if terminated
	last    []float64 // values after the last step, one an environment
	returns []float64
	learned [2][]float64 // results of Learned, by place
	acted   []float64    // discounted sums of rewards of the environments that took an action

	truncated []int       // rows whose step truncated an episode
	ends      []float64   // observations: those after the last step, final ones of truncated episodes
	endLimits []lp.Limits // likewise
	endValues []float64   // likewise

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

// store copies what the metrics need of the samples of step t.
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

// collect plays StepsPerEnv steps in every environment and fills t.roll.
func (t *Trainer) collect(ctx context.Context, m *Metrics) error {
	var (
		v, r  = t.vector, t.roll
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
		if k := len(r.costs.rows); k > 0 {
			r.price(t.spec.Polytope, s*n, out.Actions, v.Limits())
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
		// The vector measures residuals too: a backend may be wrong.
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

	// Ask for the values of what comes after the rollout, and of what would have come after
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
	costs := len(r.costs.rows)
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

// estimate fills in the advantages of the rollout, and the returns that the critic
// learns.
func (t *Trainer) estimate(m *Metrics) error {
	r := t.roll
	if len(r.Skipped) == r.Batch.Rows {
		return errors.New("every step of the rollout began an episode, none took an action: more steps of every environment are needed")
	}
	if c, ok := t.learner.(Constrained); ok {
		c.Shape(r.Rewards, r.Costs)
	}
	t.estimateCosts()
	gae(r.Advantages, r.Rewards, r.values, r.done, r.after, r.last, t.cfg.Gamma, t.cfg.GAELambda)
	for i, a := range r.Advantages {
		r.returns[i] = a + r.values[i]
	}
	if i := finite.First(r.Advantages); i >= 0 {
		where := fmt.Sprintf("the advantage of environment %d at step %d of the rollout", i%t.cfg.Envs, i/t.cfg.Envs)
		return &NonFiniteError{Tensor: where, Value: r.Advantages[i]}
	}
	centre(r.Advantages, t.cfg.Group)
	if t.cfg.Ranks {
		size := t.cfg.Group
		if size == 1 {
			size = r.Batch.Rows
		}
		rank(r.Advantages, size, r.Skipped)
	}
	m.ExplainedVariance = explainedVariance(r.Learned(0, r.returns), r.Learned(1, r.values))
	t.targets(r.Batch.Return, r.returns)
	return nil
}

// Learned returns the elements of x, one a row, without those of skipped rows. It is valid until
// the next call with the same place, 0 or 1.
func (r *Rollout) Learned(place int, x []float64) []float64 {
	if len(r.Skipped) == 0 {
		return x
	}
	out, from := r.learned[place][:0], 0
	for _, i := range r.Skipped {
		out = append(out, x[from:i]...)
		from = int(i) + 1
	}
	r.learned[place] = append(out, x[from:]...)
	return r.learned[place]
}

// Standardise writes advantages, one a row, with mean 0 and deviation 1 over the rows that are
// not skipped, and returns what their distances from the mean were multiplied by.
func (r *Rollout) Standardise(dst []float32, advantages []float64) (scale float64) {
	m := stats.Of(r.Learned(0, advantages))
	scale = 1 / (m.Deviation() + stats.VarianceFloor)
	for i, a := range advantages {
		dst[i] = float32((a - m.Mean) * scale)
	}
	return scale
}

// centre takes the mean of every group of advantages off its members. Environments
// of a group have the same draws, so that this removes what the draws alone did to the
// advantages: what remains compares the actions. Actions of others do not depend on
// an environment's own, so that the gradient stays unbiased but for the factor
// 1 - 1/group, by which its own part in the mean scales it.
func centre(adv []float64, group int) {
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

// rank replaces every one of size advantages in a row by its rank among them, from -1/2 for the least to
// 1/2, as Salimans et al. (arXiv 1703.03864) weigh perturbations. Equal ones share
// the mean of their ranks. Rows that are skipped have none.
func rank(adv []float64, size int, skipped []int32) {
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

// targets writes the returns as the critic learns them: as they are, or
// standardised by their running statistics.
func (t *Trainer) targets(dst []float32, returns []float64) {
	mean, scale := 0.0, 1.0
	if t.cfg.ScaleValues {
		t.returnStats.Add(t.roll.Learned(0, returns))
		mean, scale = t.returnStats.Mean[0], 1/t.returnDeviation()
	}
	for i, x := range returns {
		dst[i] = float32((x - mean) * scale)
	}
}

// sample asks for one action an environment, which become the rows from at on of the rollout, and
// checks what comes back. With at -1 it asks for the values of the observations in ends instead:
// nothing is drawn, no row is kept, and the statistics of observations stay.
func (t *Trainer) sample(m *Metrics, at int) (out *policy.Samples, err error) {
	start := time.Now()
	n := t.cfg.Envs
	if limits := t.vector.Limits(); at >= 0 {
		out, err = t.actor.keep(at, t.vector.Obs(), limits, t.actions)
	} else {
		r := t.roll
		n += len(r.truncated)
		if limits != nil {
			// Values do not depend on limits, so that final observations may have the polytope's
			// own.
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

// refused returns the error of sampling as the fault of the environment whose limits no
// allocation satisfies, where that is its cause.
func (t *Trainer) refused(err error) error {
	var none *lp.InfeasibleError
	if errors.As(err, &none) && t.vector.Limits() != nil && none.Row < t.cfg.Envs {
		return t.vector.Refused(none.Row, err)
	}
	return err
}

// criticValues converts what the critic says to the units of returns.
func (t *Trainer) criticValues(dst []float64, v []float32) {
	for i, x := range v {
		dst[i] = float64(x)
		if t.cfg.ScaleValues {
			dst[i] = t.returnStats.Mean[0] + t.returnDeviation()*float64(x)
		}
	}
}

func (t *Trainer) returnDeviation() float64 { return t.returnStats.Deviation(0) }

// scaleRewards writes the rewards of a step as training sees them: as they are,
// or divided by the root mean square of the discounted return so far,
//
//	G_e = gamma G_e + r_e,  G_e = 0 after the end of an episode.
//
// The mean square is not taken about the mean: where the first rewards are equal, that
// would be 0. As |r_e| is at most |G_e| now plus |G_e| before, the
// scaled reward is at most sqrt(2 N) after N of them.
func (t *Trainer) scaleRewards(dst, rewards []float64, done []bool) {
	if !t.cfg.ScaleRewards {
		copy(dst, rewards)
		return
	}
	for e, x := range rewards {
		t.discounted[e] = t.cfg.Gamma*t.discounted[e] + x
	}
	r := t.roll
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
