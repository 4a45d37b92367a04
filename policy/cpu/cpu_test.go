package cpu

import (
	"testing"

	"paspo/lp"
	"paspo/policy"
	"paspo/policy/internal/policytest"
)

func newTestCPU(t testing.TB, s lp.Solver, obs, minibatch int, change func(*policy.Config)) *Backend {
	t.Helper()
	cfg := policy.DefaultConfig()
	if change != nil {
		change(&cfg)
	}
	c, err := New(s, obs, minibatch, cfg, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestBadInput(t *testing.T) {
	c := newTestCPU(t, policytest.Simplex(t, 4), 3, 16, nil)
	req, out := policytest.RandomRequest(16, 3, 1), &policy.Samples{}
	if err := c.Sample(req, out); err != nil {
		t.Fatal(err)
	}
	b := policytest.RandomBatch(req, out, 1)
	if c.Step(policytest.FirstRows(16), policytest.StepSettings()) == nil {
		t.Error("a step without a batch is taken")
	}
	short := *b
	short.Mask = short.Mask[1:]
	if c.Load(&short) == nil {
		t.Error("a short mask is taken")
	}
	if err := c.Load(b); err != nil {
		t.Fatal(err)
	}
	if c.Step(policytest.FirstRows(17), policytest.StepSettings()) == nil || c.Step(nil, policytest.StepSettings()) == nil {
		t.Error("a minibatch of 17 or of 0 rows is taken")
	}
	bad := *req
	bad.Obs = bad.Obs[1:]
	if c.Sample(&bad, out) == nil {
		t.Error("short observations are taken")
	}
	bad = *req
	bad.Streams = nil
	if c.Sample(&bad, out) == nil {
		t.Error("a request without streams is taken")
	}
}

func TestNoAllocation(t *testing.T) {
	c := newTestCPU(t, policytest.Simplex(t, 13), 27, 64, nil)
	req, out := policytest.RandomRequest(256, 27, 1), &policy.Samples{}
	sample := func() {
		if err := c.Sample(req, out); err != nil {
			t.Fatal(err)
		}
	}
	sample()
	if n := testing.AllocsPerRun(20, sample); n > 0 {
		t.Errorf("Sample allocates %v times", n)
	}
	if err := c.Load(policytest.RandomBatch(req, out, 1)); err != nil {
		t.Fatal(err)
	}
	rows := policytest.FirstRows(64)
	if n := testing.AllocsPerRun(20, func() {
		if err := c.Step(rows, policytest.StepSettings()); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("Step allocates %v times", n)
	}
}

// With one entity and a budget there is nothing to choose.
func TestOneEntity(t *testing.T) {
	c := newTestCPU(t, policytest.Simplex(t, 1), 2, 8, nil)
	req, out := policytest.RandomRequest(8, 2, 1), &policy.Samples{}
	if err := c.Sample(req, out); err != nil {
		t.Fatal(err)
	}
	if len(out.Mask) != 0 || out.LogProb[0] != 0 || out.Actions[0] != 1 {
		t.Errorf("mask %v, log-probability %g, action %g", out.Mask, out.LogProb[0], out.Actions[0])
	}
	if err := c.Load(policytest.RandomBatch(req, out, 1)); err != nil {
		t.Fatal(err)
	}
	if err := c.Step(policytest.FirstRows(8), policytest.StepSettings()); err != nil {
		t.Fatal(err)
	}
}
