package ppo

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"paspo/internal/rng"
	"paspo/internal/stats"
	"paspo/policy"
)

// update improves the policy on the rollout: some epochs of minibatch steps on
// the clipped surrogate, the squared error of the critic and the entropy bonus
// (Schulman et al., arXiv 1707.06347, equation 9; the backend holds that loss),
//
//	L = -E[min(rho A, clip(rho, 1-eps, 1+eps) A)] + c_v E[(V - R)^2] - c_e E[H]
func (t *Trainer) update(ctx context.Context, m *Metrics) error {
	cfg, r, b := &t.cfg, t.roll, &t.roll.batch

	// Advantages, and the returns that the critic learns.
	gae(r.adv, r.rewards, r.values, r.done, r.last, cfg.Gamma, cfg.GAELambda)
	for i, a := range r.adv {
		r.returns[i] = a + r.values[i]
	}
	if i := firstNonFinite(r.adv); i >= 0 {
		where := fmt.Sprintf("the advantage of environment %d at step %d of the rollout", i%cfg.Envs, i/cfg.Envs)
		return &NonFiniteError{Tensor: where, Value: r.adv[i]}
	}
	m.ExplainedVariance = explainedVariance(r.returns, r.values)
	t.targets(b.Return, r.returns)
	standardise(b.Advantage, r.adv, cfg.StandardiseAdvantages)

	// Settings of this iteration.
	share := float64(t.iteration) / float64(cfg.Iterations())
	m.LR = schedule(cfg.LRSchedule, cfg.LR, cfg.LRFinal, share)
	m.EntropyCoef = schedule(cfg.EntropySchedule, cfg.EntropyCoef, cfg.EntropyFinal, share)
	settings := policy.Settings{
		LearningRate: m.LR,
		Clip:         cfg.Clip,
		ValueCoef:    cfg.ValueCoef,
		EntropyCoef:  m.EntropyCoef,
		MaxGradNorm:  cfg.MaxGradNorm,
		WeightDecay:  cfg.WeightDecay,
		Beta1:        cfg.AdamBeta1,
		Beta2:        cfg.AdamBeta2,
		Epsilon:      cfg.AdamEps,
	}

	// Epochs over the batch in shuffled minibatches.
	if err := t.backend.Load(b); err != nil {
		return err
	}
	var d policy.Diagnostics
	for epoch := range cfg.Epochs {
		if err := ctx.Err(); err != nil {
			return err
		}
		for rows := range slices.Chunk(t.shuffled(epoch), cfg.Minibatch) {
			if err := t.backend.Step(rows, settings); err != nil {
				return err
			}
		}
		m.Epochs++

		// Early stop once the policy has moved far enough.
		if cfg.TargetKL > 0 {
			e, err := t.backend.Diagnostics()
			if err != nil {
				return err
			}
			d = merge(d, e)
			if e.ApproxKL > cfg.TargetKL {
				break
			}
		}
	}
	e, err := t.backend.Diagnostics()
	if err != nil {
		return err
	}
	d = merge(d, e)

	m.PolicyLoss, m.ValueLoss, m.Entropy = d.PolicyLoss, d.ValueLoss, d.Entropy
	m.ApproxKL, m.ClipFraction, m.GradNorm = d.ApproxKL, d.ClipFraction, d.GradNorm
	m.MaxRatioDeviation = d.MaxRatioDeviation
	return checkDiagnostics(d)
}

// shuffled returns the rows of the batch in the order of an epoch. Every epoch
// has memory of its own: a backend may still read the last one's.
func (t *Trainer) shuffled(epoch int) []int32 {
	b := t.cfg.BatchSize()
	rows := t.rows[epoch*b : (epoch+1)*b]
	for i := range rows {
		rows[i] = int32(i)
	}
	t.shuffle.Shuffle(b, func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	return rows
}

// shuffler is a stream and what can be drawn from it.
type shuffler struct {
	*rand.Rand
	stream *rng.Stream
}

func newShuffler(s *rng.Stream) *shuffler { return &shuffler{rand.New(s), s} }

// targets writes the returns as the critic learns them: as they are, or
// standardised by their running statistics.
func (t *Trainer) targets(dst []float32, returns []float64) {
	mean, scale := 0.0, 1.0
	if t.cfg.ScaleValues {
		t.returnStats.Add(returns)
		mean, scale = t.returnStats.Mean[0], 1/t.returnDeviation()
	}
	for i, x := range returns {
		dst[i] = float32((x - mean) * scale)
	}
}

// standardise writes advantages with mean 0 and deviation 1, or as they are.
func standardise(dst []float32, adv []float64, on bool) {
	mean, scale := 0.0, 1.0
	if on {
		var m moments1
		for _, a := range adv {
			m.add(a)
		}
		mean, scale = m.mean, 1/(math.Sqrt(m.m2/m.n)+stats.VarianceFloor)
	}
	for i, a := range adv {
		dst[i] = float32((a - mean) * scale)
	}
}

// merge averages diagnostics over the gradient steps of both.
func merge(x, y policy.Diagnostics) policy.Diagnostics {
	if y.Steps == 0 {
		return x
	}
	if x.Steps == 0 {
		return y
	}
	w := float64(y.Steps) / float64(x.Steps+y.Steps)
	mix := func(a, b float64) float64 { return a + (b-a)*w }
	return policy.Diagnostics{
		Steps:             x.Steps + y.Steps,
		PolicyLoss:        mix(x.PolicyLoss, y.PolicyLoss),
		ValueLoss:         mix(x.ValueLoss, y.ValueLoss),
		Entropy:           mix(x.Entropy, y.Entropy),
		ApproxKL:          mix(x.ApproxKL, y.ApproxKL),
		ClipFraction:      mix(x.ClipFraction, y.ClipFraction),
		GradNorm:          mix(x.GradNorm, y.GradNorm),
		MaxRatioDeviation: x.MaxRatioDeviation, // of the first step of all
	}
}

func checkDiagnostics(d policy.Diagnostics) error {
	for _, c := range []struct {
		name  string
		value float64
	}{
		{"the policy loss", d.PolicyLoss}, {"the value loss", d.ValueLoss}, {"the entropy", d.Entropy},
		{"the approximate KL", d.ApproxKL}, {"the gradient norm", d.GradNorm},
	} {
		if !isFinite(c.value) {
			return &NonFiniteError{Tensor: c.name, Value: c.value}
		}
	}
	return nil
}
