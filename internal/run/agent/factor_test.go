package agent

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"paspo/envs"
	"paspo/internal/long"
	"paspo/internal/run/config"
	"paspo/rl"
)

func trainFactor(t *testing.T, dir string, steps string) *Run {
	t.Helper()
	c, err := config.LoadOver(config.AutoPreset, "", []string{
		"env.name=factor", "steps=" + steps, "debias.points=1000", "debias.cache_dir=", "ppo.eval_every=0", "ppo.checkpoint_every=8", "ppo.checkpoint_seconds=0",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Start(c, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// Under matrices that follow the state a policy learns, and a resumed run goes on bit for bit.
func TestTrainsUnderMatrices(t *testing.T) {
	long.Test(t)
	dir := filepath.Join(t.TempDir(), "whole")
	r := trainFactor(t, dir, "16384")
	if err := r.Train(context.Background(), func(m rl.Metrics) {
		if !(m.MaxResidual <= 1e-9) {
			t.Errorf("iteration %d: residual %g", m.Iteration, m.MaxResidual)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if got, want := r.Agent.Intervals(), "dual simplex, since the matrix follows the state"; got != want {
		t.Errorf("intervals: %q, want %q", got, want)
	}

	b := r.Agent.Problem.(interface {
		References(uint64) ([]envs.Reference, error)
	})
	references, err := b.References(1)
	if err != nil {
		t.Fatal(err)
	}
	last, err := ReadCheckpoint(dir, Latest)
	if err != nil {
		t.Fatal(err)
	}
	mean := func(a envs.Allocator) float64 {
		out, err := envs.Play(r.Agent.Problem, a, 50, 100, 1)
		if err != nil {
			t.Fatal(err)
		}
		if out.Violations > 0 || !(out.MaxResidual <= 1e-9) {
			t.Errorf("%d violations, largest residual %g", out.Violations, out.MaxResidual)
		}
		m, _ := envs.MeanAndError(out.Returns)
		return m
	}
	uniform, trained, best := mean(references[0].Allocator), mean(r.Agent.Allocator(last, r.Agent.Rule(last), 1)), mean(references[len(references)-1].Allocator)
	t.Logf("uniform %.2f, trained %.2f, optimum %.2f", uniform, trained, best)
	if !(trained >= uniform+(best-uniform)/10 && trained < best) {
		t.Errorf("the policy earns %.2f, uniform %.2f, the optimum %.2f", trained, uniform, best)
	}

	parts := filepath.Join(t.TempDir(), "parts")
	first := trainFactor(t, parts, "16384")
	ctx, cancel := context.WithCancel(context.Background())
	if err := first.Train(ctx, func(m rl.Metrics) {
		if m.Iteration == 11 {
			cancel()
		}
	}); err == nil {
		t.Fatal("training was not interrupted")
	}
	first.Close()
	second, err := Resume(parts, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if k := second.Trainer.Iteration(); k != 11 {
		t.Errorf("resumed at iteration %d", k)
	}
	if err := second.Train(context.Background(), func(rl.Metrics) {}); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join("checkpoints", "iteration-00000032.safetensors")
	a, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(parts, name)); err != nil || !bytes.Equal(a, b) {
		t.Errorf("the resumed training ends in another checkpoint: %v", err)
	}
}
