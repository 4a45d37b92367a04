//go:build gpu

package gpu

import (
	"errors"
	"math"
	"slices"
	"testing"

	"paspo/policy"
	"paspo/policy/internal/policytest"
)

// The error of numbers that are not finite names the same tensor as on the CPU, and steps are
// refused until another state is set.
func TestGPUNonFinite(t *testing.T) {
	nan := float32(math.NaN())
	for _, tc := range []struct {
		tensor string
		poison func(*policy.State, *policy.Batch)
	}{
		{"advantage of the minibatch", func(_ *policy.State, b *policy.Batch) { b.Advantage[3] = nan }},
		{"obs of the minibatch", func(_ *policy.State, b *policy.Batch) { b.Obs[5] = nan }},
		{"encoder.1.weight", func(s *policy.State, _ *policy.Batch) { s.Params[2].Data[7] = nan }},
		{"critic.0.bias", func(s *policy.State, _ *policy.Batch) { s.Params[13].Data[0] = nan }},
		{"critic.1", func(s *policy.State, _ *policy.Batch) {
			for _, i := range []int{12, 14} {
				for j := range s.Params[i].Data {
					s.Params[i].Data[j] = 1e30
				}
			}
		}},
	} {
		c, g := newTestCPU(t, policytest.Simplex(t, 4), 3, 16, nil), newTestGPU(t, policytest.Simplex(t, 4), 3, 16, nil)
		b := sampled(t, c, 16, 1)
		learn(t, g, b, policytest.StepSettings(), policytest.FirstRows(16))
		s, err := g.State()
		if err != nil {
			t.Fatal(err)
		}
		tc.poison(s, b)
		if err := errors.Join(g.SetState(s), g.Load(b), g.Step(policytest.FirstRows(16), policytest.StepSettings()), g.Step(policytest.FirstRows(16), policytest.StepSettings())); err != nil {
			t.Fatal(err)
		}
		before := slices.Clone(paramsOf(t, g))
		_, err = g.Diagnostics()
		var e *policy.NonFiniteError
		if !errors.As(err, &e) || e.Tensor != tc.tensor || e.Step != 1 {
			t.Errorf("%s: the error is %v", tc.tensor, err)
			continue
		}
		if err := g.Step(policytest.FirstRows(16), policytest.StepSettings()); !errors.As(err, &e) {
			t.Errorf("%s: the next step says %v", tc.tensor, err)
		}
		for i, x := range paramsOf(t, g) {
			if before[i] != x && x == x {
				t.Errorf("%s: the step changed parameters", tc.tensor)
				break
			}
		}
		// After another state is set, steps are taken again.
		if err := g.SetState(policytest.MustState(t, c)); err != nil {
			t.Fatal(err)
		}
		learn(t, g, sampled(t, c, 16, 1), policytest.StepSettings(), policytest.FirstRows(16))
	}
}

func TestGPUBadInput(t *testing.T) {
	c, g := newTestCPU(t, policytest.Simplex(t, 4), 3, 16, nil), newTestGPU(t, policytest.Simplex(t, 4), 3, 16, nil)
	if g.Step(policytest.FirstRows(16), policytest.StepSettings()) == nil {
		t.Error("a step without a batch is taken")
	}
	if g.Load(&policy.Batch{Rows: 2, Advantage: make([]float32, 2), Return: make([]float32, 2)}) == nil {
		t.Error("a batch of rows that were not kept is taken")
	}
	b := sampled(t, c, 16, 1)
	short := *b
	short.Mask = short.Mask[1:]
	if g.Load(&short) == nil {
		t.Error("a short mask is taken")
	}
	if err := g.Load(b); err != nil {
		t.Fatal(err)
	}
	if g.Step(policytest.FirstRows(17), policytest.StepSettings()) == nil || g.Step(nil, policytest.StepSettings()) == nil {
		t.Error("a minibatch of 17 or of 0 rows is taken")
	}
	for range 2 {
		if err := g.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if _, err := g.State(); err == nil {
		t.Error("a closed backend answers")
	}
}
