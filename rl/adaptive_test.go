package rl_test

import (
	"context"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"paspo/lp"
	"paspo/ppo"
	"paspo/rl"
)

// An adaptive learning rate that starts too large or too small comes to where the KL of updates is
// about the target. A resumed run goes on with the rate and the parameters that it would have had.
func TestAdaptiveRate(t *testing.T) {
	p, err := newCurve(lp.Description{Total: 1, Lower: []float64{0, 0}}, func(a []float64) float64 { return -10 * (a[0] - 0.7) * (a[0] - 0.7) })
	if err != nil {
		t.Fatal(err)
	}
	const half, target = 15, 0.02
	ctx := context.Background()
	for _, lr := range []float64{1e-5, 1e-2} {
		cfg := ppo.DefaultConfig()
		cfg.StepsPerEnv, cfg.Epochs, cfg.LR, cfg.EvalEvery = 32, 4, lr, 0
		cfg.LRSchedule, cfg.TargetKL = ppo.Adaptive, target
		cfg.Steps = 2 * half * int64(cfg.BatchSize())
		begun := func() *rl.Trainer {
			tr, err := newCPU(p, cfg)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(tr.Close)
			return tr
		}
		iterate := func(tr *rl.Trainer) (rates, kl []float64) {
			for range half {
				m, err := tr.Iterate(ctx)
				if err != nil {
					t.Fatal(err)
				}
				rates, kl = append(rates, m.LR), append(kl, m.ApproxKL)
			}
			return rates, kl
		}

		straight := begun()
		first, _ := iterate(straight)
		if first[0] != lr || slices.Min(first) == slices.Max(first) {
			t.Errorf("it begins with %g and does not move: %v", lr, first)
		}
		path := filepath.Join(t.TempDir(), "c.safetensors")
		if err := straight.Checkpoint().WriteFile(path); err != nil {
			t.Fatal(err)
		}
		want, kl := iterate(straight)
		var mean float64
		for _, x := range kl {
			mean += x / half
		}
		if math.Abs(math.Log(mean/target)) > math.Log(3) {
			t.Errorf("from a rate of %g, updates move the policy by %g in the mean, to aim at %g: %v", lr, mean, target, want)
		}

		c, err := rl.ReadCheckpoint(path)
		if err != nil {
			t.Fatal(err)
		}
		resumed := begun()
		if err := resumed.Restore(c); err != nil {
			t.Fatal(err)
		}
		if got, _ := iterate(resumed); !slices.Equal(got, want) {
			t.Errorf("resumed, rates are %v, without a break %v", got, want)
		}
		if !reflect.DeepEqual(resumed.Checkpoint().Policy, straight.Checkpoint().Policy) {
			t.Error("resumed, it ends with other parameters")
		}
	}
}
