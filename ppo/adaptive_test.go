package ppo

import (
	"math"
	"testing"
)

func TestAdapted(t *testing.T) {
	for _, c := range []struct{ rate, kl, want float64 }{
		{3e-3, 0.021, 2e-3},
		{2e-3, 0.0049, 3e-3},
		{2e-3, 0.02, 2e-3}, // at twice the target, at half of it and between, the rate stays
		{2e-3, 0.005, 2e-3},
		{2e-3, 0.01, 2e-3},
		{1.2e-5, 1, 1e-5}, // bounds
		{9e-3, 0, 1e-2},
		{1e-6, 1, 1e-6}, // a rate that begins below the bound is not lowered
		{1e-6, 0, 1.5e-6},
		{0.3, 0, 0.3},
		{0.3, 1, 0.2},
	} {
		if got := adapted(c.rate, c.kl, 0.01); math.Abs(got/c.want-1) > 1e-12 {
			t.Errorf("a KL of %g takes the rate %g to %g, want %g", c.kl, c.rate, got, c.want)
		}
	}
}
