package rl

import (
	"bytes"
	"encoding/json"
	"iter"
	"math"
	"slices"

	"paspo/envs"
	"paspo/internal/finite"
	"paspo/internal/stats"
	"paspo/policy"
)

// Metrics holds the measurements of one iteration. A number that was not measured is NaN.
type Metrics struct {
	Iteration int   // iterations done, this one included
	Step      int64 // environment steps done

	Episodes              int     // that ended in this iteration
	Return, EpisodeLength float64 // their means

	// Means over gradient steps (see policy.Diagnostics), the entropy in nats.
	PolicyLoss, ValueLoss  float64
	Entropy, ApproxKL      float64
	ClipFraction, GradNorm float64

	ExplainedVariance float64 // 1 - Var(return - value) / Var(return)
	MaxRatioDeviation float64 // largest |ratio - 1| of the first gradient step
	LR, EntropyCoef   float64 // learning rate and weight of the entropy bonus
	Epochs            int     // epochs done, fewer than set where the update stopped early

	FixedShare  float64    // share of the heads' intervals that were fixed
	Alpha, Beta [3]float64 // quantiles 0.05, 0.5, 0.95 over intervals that were not fixed
	MaxResidual float64    // largest scaled residual of an action
	Violations  int        // actions with a residual above envs.Violation
	Relaxed     float64    // states whose limits were relaxed, NaN where limits do not follow the state

	StepsPerSecond                float64 // of rollout and update together
	RolloutSeconds, UpdateSeconds float64
	EnvSeconds, SampleSeconds     float64 // parts of the rollout

	// Evaluations after the iteration on the episodes of the curve, nil where there were
	// none: Eval takes actions by Rule, EvalSampled samples them.
	Eval, EvalSampled *Evaluation
	Rule              policy.Rule

	// Choice holds the evaluations by every rule on other episodes. They choose the rule
	// and the best checkpoint.
	Choice      [policy.Mean + 1]*Evaluation
	EvalSeconds float64 // of all evaluations

	Info []envs.Mean // means of quantities that environments measure
	Algo []envs.Mean // means of other quantities that the algorithm measures
}

// Diagnose copies the measurements of the gradient steps of an update. The error names the first
// number that is not finite.
func (m *Metrics) Diagnose(d policy.Diagnostics) error {
	m.PolicyLoss, m.ValueLoss, m.Entropy = d.PolicyLoss, d.ValueLoss, d.Entropy
	m.ApproxKL, m.ClipFraction, m.GradNorm = d.ApproxKL, d.ClipFraction, d.GradNorm
	m.MaxRatioDeviation = d.MaxRatioDeviation
	for _, c := range []struct {
		name  string
		value float64
	}{
		{"the policy loss", d.PolicyLoss}, {"the value loss", d.ValueLoss}, {"the entropy", d.Entropy},
		{"the approximate KL", d.ApproxKL}, {"the gradient norm", d.GradNorm},
	} {
		if !finite.Is(c.value) {
			return &NonFiniteError{Tensor: c.name, Value: c.value}
		}
	}
	return nil
}

// Scalars yields the name and the value of every measurement that is not NaN, in a fixed
// order.
func (m Metrics) Scalars() iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		for _, s := range m.list() {
			if !math.IsNaN(s.value) && !yield(s.name, s.value) {
				return
			}
		}
	}
}

type scalar struct {
	name  string
	value float64
}

func (m Metrics) list() []scalar {
	l := []scalar{
		{"episodes", float64(m.Episodes)},
		{"return", m.Return},
		{"episode_length", m.EpisodeLength},
		{"policy_loss", m.PolicyLoss},
		{"value_loss", m.ValueLoss},
		{"entropy", m.Entropy},
		{"approx_kl", m.ApproxKL},
		{"clip_fraction", m.ClipFraction},
		{"explained_variance", m.ExplainedVariance},
		{"grad_norm", m.GradNorm},
		{"ratio_deviation", m.MaxRatioDeviation},
		{"lr", m.LR},
		{"entropy_coef", m.EntropyCoef},
		{"epochs", float64(m.Epochs)},
		{"fixed_share", m.FixedShare},
		{"alpha_q05", m.Alpha[0]}, {"alpha_q50", m.Alpha[1]}, {"alpha_q95", m.Alpha[2]},
		{"beta_q05", m.Beta[0]}, {"beta_q50", m.Beta[1]}, {"beta_q95", m.Beta[2]},
		{"max_residual", m.MaxResidual},
		{"violations", float64(m.Violations)},
		{"relaxed", m.Relaxed},
		{"steps_per_second", m.StepsPerSecond},
		{"rollout_seconds", m.RolloutSeconds},
		{"update_seconds", m.UpdateSeconds},
		{"env_seconds", m.EnvSeconds},
		{"sample_seconds", m.SampleSeconds},
	}
	for _, e := range []struct {
		suffix string
		*Evaluation
	}{{"", m.Eval}, {"_sampled", m.EvalSampled}} {
		if e.Evaluation == nil {
			continue
		}
		l = append(l,
			scalar{"eval_return" + e.suffix, e.Mean()},
			scalar{"eval_stderr" + e.suffix, e.StdErr()},
			scalar{"eval_episode_length" + e.suffix, e.MeanLength()},
			scalar{"eval_max_residual" + e.suffix, e.MaxResidual},
			scalar{"eval_violations" + e.suffix, float64(e.Violations)})
	}
	for rule, e := range m.Choice {
		if e != nil {
			l = append(l,
				scalar{"choice_return_" + policy.Rule(rule).String(), e.Mean()},
				scalar{"choice_max_residual_" + policy.Rule(rule).String(), e.MaxResidual},
				scalar{"choice_violations_" + policy.Rule(rule).String(), float64(e.Violations)})
		}
	}
	if m.Eval != nil {
		l = append(l, scalar{"eval_seconds", m.EvalSeconds})
	}
	for _, i := range m.Info {
		l = append(l, scalar{"info/" + i.Name, i.Value})
	}
	for _, i := range m.Algo {
		l = append(l, scalar{"algo/" + i.Name, i.Value})
	}
	return l
}

// MarshalJSON writes one flat object: iteration, step and the scalars. Infinite values become
// null.
func (m Metrics) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	field := func(name string, v any) error {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(name)
		if err != nil {
			return err
		}
		j, err := json.Marshal(v)
		b.Write(key)
		b.WriteByte(':')
		b.Write(j)
		return err
	}
	b.WriteByte('{')
	if err := field("iteration", m.Iteration); err != nil {
		return nil, err
	}
	if err := field("step", m.Step); err != nil {
		return nil, err
	}
	for name, v := range m.Scalars() {
		var x any = v
		if math.IsInf(v, 0) {
			x = nil
		}
		if err := field(name, x); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// quantileSample is about the largest number of elements that quantiles reads, so that metrics
// stay cheap for huge batches.
const quantileSample = 1 << 16

// quantiles returns the 0.05, 0.5 and 0.95 quantiles (linear interpolation) of the elements of v
// whose mask is not 0, NaN where there are none. It reads every k-th of many elements. scratch is
// overwritten and returned.
func quantiles(v, mask, scratch []float32) (q [3]float64, _ []float32) {
	stride := 1 + (len(v)-1)/quantileSample
	scratch = scratch[:0]
	for i := 0; i < len(v); i += stride {
		if mask[i] != 0 {
			scratch = append(scratch, v[i])
		}
	}
	for k, p := range [...]float64{0.05, 0.5, 0.95} {
		if len(scratch) == 0 {
			q[k] = math.NaN()
			continue
		}
		at := p * float64(len(scratch)-1)
		i := int(at)
		lo := float64(selectNth(scratch, i))
		hi := lo
		if i+1 < len(scratch) {
			hi = float64(slices.Min(scratch[i+1:]))
		}
		q[k] = lo + (hi-lo)*(at-float64(i))
	}
	return q, scratch
}

// selectNth returns the element that sorting v, which holds no NaN, would put at i. It reorders v
// so that no larger element is before i and no smaller one behind (Hoare, CACM 4, 1961,
// algorithm 65).
func selectNth(v []float32, i int) float32 {
	for lo, hi := 0, len(v)-1; lo < hi; {
		pivot, l, r := v[lo+(hi-lo)/2], lo, hi
		for l <= r {
			for v[l] < pivot {
				l++
			}
			for v[r] > pivot {
				r--
			}
			if l <= r {
				v[l], v[r] = v[r], v[l]
				l++
				r--
			}
		}
		switch {
		case i <= r:
			hi = r
		case i >= l:
			lo = l
		default:
			return v[i]
		}
	}
	return v[i]
}

// explainedVariance returns 1 - Var(target - value) / Var(target), NaN where the
// targets do not vary.
func explainedVariance(target, value []float64) float64 {
	var t, r stats.Running
	for i, x := range target {
		t.Add(x)
		r.Add(x - value[i])
	}
	if t.M2 == 0 {
		return math.NaN()
	}
	return 1 - r.M2/t.M2
}
