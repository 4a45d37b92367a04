package policy

import (
	"errors"
	"slices"
	"testing"
)

func TestStateRoundTrip(t *testing.T) {
	a, b := newTestCPU(t, simplex(t, 4), 3, 16, nil), newTestCPU(t, simplex(t, 4), 3, 16, nil)
	req, out := request(16, 3, 1), &Samples{}
	if err := a.Sample(req, out); err != nil {
		t.Fatal(err)
	}
	batch := batchOf(req, out, 1)
	step := func(c *CPU) {
		t.Helper()
		if err := c.Load(batch); err != nil {
			t.Fatal(err)
		}
		if err := c.Step(rowsOf(16), settings()); err != nil {
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
	if !slices.Equal(a.params, b.params) || !slices.Equal(a.opt.m, b.opt.m) || !slices.Equal(a.opt.v, b.opt.v) || a.opt.step != b.opt.step {
		t.Error("training goes on differently from a state")
	}

	// Sampling uses the parameters that were set.
	x, y := &Samples{}, &Samples{}
	if err := errors.Join(a.Sample(request(3, 3, 2), x), b.Sample(request(3, 3, 2), y)); err != nil {
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
