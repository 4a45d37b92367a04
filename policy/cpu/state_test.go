package cpu

import (
	"errors"
	"slices"
	"testing"

	"paspo/policy"
	"paspo/policy/internal/policytest"
)

func TestStateRoundTrip(t *testing.T) {
	a, b := newTestCPU(t, policytest.Simplex(t, 4), 3, 16, nil), newTestCPU(t, policytest.Simplex(t, 4), 3, 16, nil)
	req, out := policytest.RandomRequest(16, 3, 1), &policy.Samples{}
	if err := a.Sample(req, out); err != nil {
		t.Fatal(err)
	}
	batch := policytest.RandomBatch(req, out, 1)
	step := func(c *Backend) {
		t.Helper()
		if err := c.Load(batch); err != nil {
			t.Fatal(err)
		}
		if err := c.Step(policytest.FirstRows(16), policytest.StepSettings()); err != nil {
			t.Fatal(err)
		}
	}
	step(a)
	s, err := a.State()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.SetState(s); err != nil {
		t.Fatal(err)
	}
	step(a)
	step(b)
	if !slices.Equal(a.params, b.params) || !slices.Equal(a.opt.M, b.opt.M) || !slices.Equal(a.opt.V, b.opt.V) || a.opt.Step != b.opt.Step {
		t.Error("training goes on differently from a state")
	}

	// Sampling uses the parameters that were set.
	x, y := &policy.Samples{}, &policy.Samples{}
	if err := errors.Join(a.Sample(policytest.RandomRequest(3, 3, 2), x), b.Sample(policytest.RandomRequest(3, 3, 2), y)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(x.Actions, y.Actions) {
		t.Error("sampling differs from a state")
	}

	s.Params[3].Name = "other"
	if b.SetState(s) == nil {
		t.Error("a tensor of another name is taken")
	}
	s, _ = a.State()
	s.V[2].Shape[0]++
	if b.SetState(s) == nil {
		t.Error("a tensor of another shape is taken")
	}
}
