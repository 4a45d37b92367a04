package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"paspo/envs"
	"paspo/internal/rng"
	"paspo/policy"
	"paspo/ppo"
)

// request asks for one action in each of many new episodes.
func request(p envs.Problem, rows int) (*policy.Request, error) {
	spec := p.Spec()
	raw := make([]float64, rows*spec.ObsDim)
	streams := make([]*rng.Stream, rows)
	for r := range rows {
		streams[r] = rng.New(1, "bench", "actions").Split(uint64(r))
		e := p.New()
		e.Reset(rand.New(rng.New(1, "bench", "env").Split(uint64(r))), raw[r*spec.ObsDim:(r+1)*spec.ObsDim])
	}
	norm := ppo.NewNormalizer(spec.ObsDim, spec.NormalizeObs, 0)
	norm.Update(raw)
	req := &policy.Request{Rows: rows, Obs: make([]float32, len(raw)), Streams: streams}
	return req, norm.Apply(req.Obs, raw)
}

// batch makes the samples of a request a rollout with random advantages and
// returns. s is nil where the backend has kept the samples.
func batch(req *policy.Request, s *policy.Samples) *policy.Batch {
	b := &policy.Batch{Rows: req.Rows, Advantage: make([]float32, req.Rows), Return: make([]float32, req.Rows)}
	if s != nil {
		b.Obs, b.Prefix = req.Obs, s.Prefix
		b.LogX, b.Log1mX, b.LogWidth, b.Mask = s.LogX, s.Log1mX, s.LogWidth, s.Mask
	}
	random := rand.New(rng.New(1, "bench", "batch"))
	for i := range req.Rows {
		b.Advantage[i], b.Return[i] = float32(random.NormFloat64()), float32(random.NormFloat64())
	}
	return b
}

// steps measures gradient steps on minibatches of a batch.
func steps(ctx context.Context, backend policy.Backend, b *policy.Batch, minibatch int, d time.Duration) (float64, error) {
	if err := backend.Load(b); err != nil {
		return 0, fmt.Errorf("updating: %w", err)
	}
	cfg := ppo.DefaultConfig()
	set := policy.Settings{
		// Small steps: the policy stays where it is, however many there are.
		LearningRate: 1e-6,
		Clip:         cfg.Clip, ValueCoef: cfg.ValueCoef, EntropyCoef: cfg.EntropyCoef,
		MaxGradNorm: cfg.MaxGradNorm, WeightDecay: cfg.WeightDecay,
		Beta1: cfg.AdamBeta1, Beta2: cfg.AdamBeta2, Epsilon: cfg.AdamEps,
	}
	order := make([]int32, b.Rows)
	for i := range order {
		order[i] = int32(i)
	}
	x, err := rate(ctx, d, func() (int, error) {
		n := 0
		for range cfg.Epochs {
			for part := range slices.Chunk(order, minibatch) {
				if err := backend.Step(part, set); err != nil {
					return 0, err
				}
				n++
			}
		}
		_, err := backend.Diagnostics()
		return n, err
	})
	if err != nil {
		return 0, fmt.Errorf("updating: %w", err)
	}
	return x, nil
}
