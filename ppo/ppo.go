package ppo

import (
	"context"
	"math/rand/v2"
	"slices"

	"paspo/envs"
	"paspo/internal/rng"
	"paspo/policy"
	"paspo/rl"
)

// learner is PPO on the policy of a backend.
type learner struct {
	Config
	backend policy.Backend
	stream  *rng.Stream // orders the rows of minibatches
	rand    *rand.Rand  // draws from stream
	rows    []int32     // epochs x batch, the order of every epoch
	rate    float64     // learning rate, where it is adaptive
}

// New returns a trainer that improves the policy of a backend by PPO, at the start
// of training. All random numbers come from seed. Errors are those of NewLearner and
// rl.New.
func New(problem envs.Problem, backend policy.Backend, cfg Config, seed uint64) (*rl.Trainer, error) {
	l, err := NewLearner(backend, cfg, seed)
	if err != nil {
		return nil, err
	}
	return rl.New(problem, backend, l, cfg.Config, seed)
}

// NewLearner returns PPO as an rl.Learner, for callers of rl.New.
func NewLearner(backend policy.Backend, cfg Config, seed uint64) (rl.Learner, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	stream := rng.New(seed, "shuffle")
	return &learner{
		Config: cfg, backend: backend, stream: stream, rand: rand.New(stream),
		rows: make([]int32, cfg.Epochs*cfg.BatchSize()), rate: cfg.LR,
	}, nil
}

// Streams implements rl.Learner.
func (l *learner) Streams() []*rng.Stream { return []*rng.Stream{l.stream} }

// Learn improves the policy on the rollout by epochs of minibatch steps on the
// clipped surrogate, the squared error of the critic and the entropy bonus
// (Schulman et al., arXiv 1707.06347, equation 9; the backend computes this loss),
//
//	L = -E[min(rho A, clip(rho, 1-eps, 1+eps) A)] + c_v E[(V - R)^2] - c_e E[H]
func (l *learner) Learn(ctx context.Context, r *rl.Rollout, progress float64, m *rl.Metrics) error {
	if l.StandardiseAdvantages {
		r.Standardise(r.Batch.Advantage, r.Advantages)
	} else {
		for i, a := range r.Advantages {
			r.Batch.Advantage[i] = float32(a)
		}
	}

	// Settings of this iteration.
	settings := l.StepSettings(progress)
	adaptive := l.LRSchedule == Adaptive
	if adaptive {
		settings.LearningRate = l.rate
	}
	m.LR, m.EntropyCoef = settings.LearningRate, settings.EntropyCoef

	// Epochs over the batch in shuffled minibatches.
	if err := l.backend.Load(&r.Batch); err != nil {
		return err
	}
	var d policy.Diagnostics
	for epoch := range l.Epochs {
		if err := ctx.Err(); err != nil {
			return err
		}
		for rows := range slices.Chunk(l.shuffled(epoch, r.Skipped), l.Minibatch) {
			if err := l.backend.Step(rows, settings); err != nil {
				return err
			}
		}
		m.Epochs++

		// Adapt the learning rate, or stop early once the policy has moved far enough.
		if l.TargetKL > 0 {
			e, err := l.backend.Diagnostics()
			if err != nil {
				return err
			}
			d = merge(d, e)
			if adaptive {
				l.rate = adapted(l.rate, e.ApproxKL, l.TargetKL)
				settings.LearningRate = l.rate
			} else if e.ApproxKL > l.TargetKL {
				break
			}
		}
	}
	e, err := l.backend.Diagnostics()
	if err != nil {
		return err
	}
	return m.Diagnose(merge(d, e))
}

// shuffled returns the rows of the batch in the order of an epoch. Other rows, chosen at random,
// take the places of skipped rows, so that all minibatches have one size. Every epoch has a slice
// of its own: a backend may still read that of the epoch before.
func (l *learner) shuffled(epoch int, skipped []int32) []int32 {
	b := l.BatchSize()
	rows := l.rows[epoch*b : (epoch+1)*b]
	for i := range rows {
		rows[i] = int32(i)
	}
	for _, i := range skipped {
		for {
			other := int32(l.rand.IntN(b))
			if _, none := slices.BinarySearch(skipped, other); !none {
				rows[i] = other
				break
			}
		}
	}
	l.rand.Shuffle(b, func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	return rows
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
