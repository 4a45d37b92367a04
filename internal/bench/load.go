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

// request asks for one action in each of many new episodes, which close ends.
func request(p envs.Problem, rows int) (req *policy.Request, close func(), err error) {
	v, err := envs.NewVector(p, envs.VectorConfig{Count: rows, Seed: 1, Workers: 1})
	if err != nil {
		return nil, nil, err
	}
	streams := make([]*rng.Stream, rows)
	for r := range rows {
		streams[r] = rng.New(1, "bench", "actions").Split(uint64(r))
	}
	return &policy.Request{Rows: rows, Obs: v.Obs(), Limits: v.Limits(), Streams: streams, Brief: true}, v.Close, nil
}

// standardise makes the statistics of a backend's normaliser those of the
// observations of a request.
func standardise(b policy.Backend, p envs.Problem, req *policy.Request) error {
	s, err := b.State()
	if err != nil {
		return err
	}
	s.Normalizer.On = p.Spec().NormalizeObs
	s.Normalizer.Update(req.Obs)
	return b.SetState(s)
}

// batch makes the samples that a backend has kept of a request a rollout with
// random advantages and returns.
func batch(req *policy.Request) *policy.Batch {
	b := &policy.Batch{Rows: req.Rows, Advantage: make([]float32, req.Rows), Return: make([]float32, req.Rows)}
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
	set := cfg.StepSettings(0)
	set.LearningRate = 1e-6 // small steps: the policy stays where it is, however many there are
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
