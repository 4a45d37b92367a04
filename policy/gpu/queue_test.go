//go:build gpu

package gpu

import (
	"errors"
	"math"
	"slices"
	"testing"

	"paspo/internal/cudatest"
	"paspo/policy"
	"paspo/policy/internal/policytest"
)

// Bits of training do not depend on how often Diagnostics is called, nor on the initial size of the
// memory.
func TestGPUQueue(t *testing.T) {
	c := newTestCPU(t, policytest.Simplex(t, 4), 3, 16, nil)
	b := sampled(t, c, 50, 8)
	train := func(rows, steps int, every bool) ([]float32, policy.Diagnostics) {
		gs, err := NewAll(cudatest.Open(t), []Spec{{
			Solver: policytest.Simplex(t, 4), ObsDim: 3, Minibatch: 16, Config: policy.DefaultConfig(), Seed: 1, Rows: rows, Steps: steps,
		}})
		if err != nil {
			t.Fatal(err)
		}
		g := gs[0].(*Backend)
		defer g.Close()
		if err := g.Load(b); err != nil {
			t.Fatal(err)
		}
		var d policy.Diagnostics
		for epoch := range 3 {
			for _, mb := range inMinibatches(shuffledRows(50, uint64(epoch)), 16) {
				if err := g.Step(mb, policytest.StepSettings()); err != nil {
					t.Fatal(err)
				}
			}
			if every {
				e, err := g.Diagnostics()
				if err != nil || e.Steps != 4 {
					t.Fatal(e, err)
				}
			}
			if epoch == 1 {
				s := policytest.StepSettings()
				s.LearningRate = 3e-4
				if err := g.Step(policytest.FirstRows(3), s); err != nil {
					t.Fatal(err)
				}
				if every {
					if _, err := g.Diagnostics(); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		if !every {
			if d, err = g.Diagnostics(); err != nil || d.Steps != 13 || d.MaxRatioDeviation != 0 {
				t.Fatal(d, err)
			}
		}
		return paramsOf(t, g), d
	}
	want, _ := train(50, 16, false)
	for _, tc := range []struct {
		rows, steps int
		every       bool
	}{{50, 16, true}, {0, 0, false}, {0, 0, true}, {64, 3, true}} {
		if got, _ := train(tc.rows, tc.steps, tc.every); !slices.Equal(got, want) {
			t.Errorf("%+v: something else is learned", tc)
		}
	}
}

// A state goes from device to device and back.
func TestGPUState(t *testing.T) {
	c, a, b := newTestCPU(t, policytest.Simplex(t, 4), 3, 16, nil), newTestGPU(t, policytest.Simplex(t, 4), 3, 16, nil), newTestGPU(t, policytest.Simplex(t, 4), 3, 16, nil)
	batch := sampled(t, c, 16, 1)
	learn(t, a, batch, policytest.StepSettings(), policytest.FirstRows(16), policytest.FirstRows(9))
	s, err := a.State()
	if err != nil {
		t.Fatal(err)
	}
	if s.Step != 2 {
		t.Errorf("%d steps in the state", s.Step)
	}
	if err := errors.Join(b.SetState(s), c.SetState(s)); err != nil {
		t.Fatal(err)
	}
	back, err := c.State()
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range []*Backend{a, b} {
		learn(t, g, batch, policytest.StepSettings(), policytest.FirstRows(16))
	}
	if !slices.Equal(paramsOf(t, a), paramsOf(t, b)) {
		t.Error("training goes on differently from a state")
	}

	// The CPU's copy of it continues on the device.
	if err := b.SetState(back); err != nil {
		t.Fatal(err)
	}
	learn(t, b, batch, policytest.StepSettings(), policytest.FirstRows(16))
	if !slices.Equal(paramsOf(t, a), paramsOf(t, b)) {
		t.Error("training goes on differently by way of the CPU")
	}

	// Steps that are queued are in the state.
	if err := b.Step(policytest.FirstRows(16), policytest.StepSettings()); err != nil {
		t.Fatal(err)
	}
	if s, err = b.State(); err != nil || s.Step != 4 {
		t.Errorf("%d steps in the state, error %v", s.Step, err)
	}

	s.Params[3].Name = "other"
	if b.SetState(s) == nil {
		t.Error("a tensor of another name is taken")
	}
}

// A sample uses the parameters after the queued steps.
func TestGPUSampleAfterSteps(t *testing.T) {
	c, a, b := newTestCPU(t, policytest.Simplex(t, 4), 3, 16, nil), newTestGPU(t, policytest.Simplex(t, 4), 3, 16, nil), newTestGPU(t, policytest.Simplex(t, 4), 3, 16, nil)
	batch, s := sampled(t, c, 16, 1), policytest.StepSettings()
	s.LearningRate = 0.1
	x, y, before := &policy.Samples{}, &policy.Samples{}, &policy.Samples{}
	if err := errors.Join(a.Sample(policytest.RandomRequest(9, 3, 2), before), a.Load(batch), a.Step(policytest.FirstRows(16), s), a.Sample(policytest.RandomRequest(9, 3, 2), x)); err != nil {
		t.Fatal(err)
	}
	learn(t, b, batch, s, policytest.FirstRows(16))
	if err := b.Sample(policytest.RandomRequest(9, 3, 2), y); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(x.Actions, y.Actions) || !slices.Equal(x.Value, y.Value) || slices.Equal(x.Value, before.Value) {
		t.Error("the sample comes before the step")
	}
	if d, err := a.Diagnostics(); err != nil || d.Steps != 1 {
		t.Errorf("diagnostics %+v, %v", d, err)
	}
}

// Learning from kept rows and from the same rows as samples of a batch gives the same parameters.
func TestGPUKeptRows(t *testing.T) {
	a, b := newTestGPU(t, policytest.Simplex(t, 5), 3, 16, nil), newTestGPU(t, policytest.Simplex(t, 5), 3, 16, nil)
	req, out := policytest.RandomRequest(32, 3, 4), &policy.Samples{}
	if err := a.Sample(req, out); err != nil {
		t.Fatal(err)
	}
	batch := policytest.RandomBatch(req, out, 2)
	learn(t, a, batch, policytest.StepSettings(), policytest.FirstRows(32)[:16], policytest.FirstRows(32)[16:])

	// Two requests keep their rows, the later part of the rollout first. A request between them
	// keeps none.
	req = policytest.RandomRequest(32, 3, 4)
	for _, at := range []int{20, 0} {
		to := map[int]int{20: 32, 0: 20}[at]
		part := &policy.Request{Rows: to - at, Obs: req.Obs[at*3 : to*3], Streams: req.Streams[at:to], Keep: true, At: at, Brief: true}
		if err := errors.Join(b.Sample(part, &policy.Samples{}), b.Sample(policytest.RandomRequest(8, 3, 9), &policy.Samples{})); err != nil {
			t.Fatal(err)
		}
	}
	learn(t, b, &policy.Batch{Rows: 32, Advantage: batch.Advantage, Return: batch.Return}, policytest.StepSettings(), policytest.FirstRows(32)[:16], policytest.FirstRows(32)[16:])
	if !slices.Equal(paramsOf(t, a), paramsOf(t, b)) {
		t.Error("the parameters differ")
	}
}

// Steps learn from the loaded batch, whatever comes between Load and the steps: kept rows, other
// parameters, or memory that grows.
func TestGPUBatchStays(t *testing.T) {
	c, other := newTestCPU(t, policytest.Simplex(t, 4), 3, 16, nil), newTestCPU(t, policytest.Simplex(t, 4), 3, 16, nil)
	batch := sampled(t, c, 40, 1)
	learn(t, other, batch, policy.Settings{LearningRate: 0.02, Clip: 1, Beta1: 0.9, Beta2: 0.9, Epsilon: 1e-8}, policytest.FirstRows(16))
	state := policytest.MustState(t, other)
	rows := shuffledRows(40, 3)
	var want []float32
	for _, between := range []string{"nothing", "kept rows", "memory", "all"} {
		g := newTestGPU(t, policytest.Simplex(t, 4), 3, 16, nil)
		is := func(what string) bool { return between == what || between == "all" }
		keep := func(at int) {
			if is("kept rows") {
				req := keeping(policytest.RandomRequest(30, 3, 77))
				req.At = at
				if err := g.Sample(req, &policy.Samples{}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := g.Load(batch); err != nil {
			t.Fatal(err)
		}
		keep(0)
		if err := errors.Join(g.SetState(state), g.Step(rows[:16], policytest.StepSettings())); err != nil {
			t.Fatal(err)
		}
		if is("memory") {
			policytest.MustState(t, g)
		}
		keep(20)
		for i := range 12 {
			if err := g.Step(rows[i:i+16], policytest.StepSettings()); err != nil {
				t.Fatal(err)
			}
		}
		d, err := g.Diagnostics()
		if err != nil || d.MaxRatioDeviation == 0 {
			t.Fatalf("%s: %+v, %v", between, d, err)
		}
		got := paramsOf(t, g)
		if want == nil {
			want = got
			// The CPU takes its old log-probabilities when a batch is loaded, too.
			if err := errors.Join(c.Load(batch), c.SetState(state), c.Step(rows[:16], policytest.StepSettings())); err != nil {
				t.Fatal(err)
			}
			for i := range 12 {
				if err := c.Step(rows[i:i+16], policytest.StepSettings()); err != nil {
					t.Fatal(err)
				}
			}
			e, err := c.Diagnostics()
			if err != nil || math.Abs(e.MaxRatioDeviation-d.MaxRatioDeviation) > 1e-3*e.MaxRatioDeviation {
				t.Errorf("the first ratio is off by %g, on the CPU by %g, %v", d.MaxRatioDeviation, e.MaxRatioDeviation, err)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s between: something else is learned", between)
		}
		// The rows that were kept are gone.
		if g.Load(&policy.Batch{Rows: 1, Advantage: make([]float32, 1), Return: make([]float32, 1)}) == nil {
			t.Errorf("%s between: rows whose space was freed are learned from", between)
		}
	}
}
