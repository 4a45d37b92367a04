package rl_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"paspo/internal/rng"
	"paspo/ppo"
	"paspo/rl"
)

// BenchmarkIterate measures an iteration with environments and networks that do next to nothing.
func BenchmarkIterate(b *testing.B) {
	for _, n := range []int{8, 4096} {
		b.Run(fmt.Sprintf("envs=%d", n), func(b *testing.B) {
			cfg := ppo.DefaultConfig()
			cfg.Envs, cfg.Minibatch = n, 8*n
			tr, _ := newFakeTrainer(b, newBandit(b, 1, 2, 3), cfg)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := tr.Iterate(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(cfg.BatchSize())*float64(b.N)/b.Elapsed().Seconds(), "steps/s")
		})
	}
}

// BenchmarkCapture measures the copy of all state with which every iteration ends.
func BenchmarkCapture(b *testing.B) {
	for _, n := range []int{8, 4096} {
		b.Run(fmt.Sprintf("envs=%d", n), func(b *testing.B) {
			cfg := ppo.DefaultConfig()
			cfg.Envs = n
			tr, _ := newFakeTrainer(b, newBandit(b, 1, 2, 3), cfg)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := tr.Capture(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkGAE(b *testing.B) {
	const envs, steps = 4096, 64
	r := rand.New(rng.New(1, "bench"))
	n := envs * steps
	adv, rewards, values, done := make([]float64, n), make([]float64, n), make([]float64, n), make([]bool, n)
	for i := range n {
		rewards[i], values[i], done[i] = r.Float64(), r.Float64(), r.IntN(13) == 0
	}
	after, last := make([]float64, n), make([]float64, envs)
	b.SetBytes(int64(n))
	for b.Loop() {
		rl.GAE(adv, rewards, values, done, after, last, 1, 0.95)
	}
}
