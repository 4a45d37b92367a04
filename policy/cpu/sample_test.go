package cpu

import (
	"math"
	"runtime"
	"slices"
	"testing"

	"paspo/policy"
	"paspo/policy/internal/policytest"
)

// Sampling entity by entity and the training pass agree on every log-probability and entropy to
// a relative 1e-5.
func TestDecodingAgreesWithTraining(t *testing.T) {
	for _, n := range []int{2, 3, 13} {
		for _, heads := range [][]int{{8}, {32, 32}, {5, 7, 3}} {
			c := newTestCPU(t, policytest.Simplex(t, n), 6, 50, func(c *policy.Config) { c.Heads = heads })
			req, out := policytest.RandomRequest(120, 6, 3), &policy.Samples{}
			if err := c.Sample(req, out); err != nil {
				t.Fatal(err)
			}
			if err := c.Load(policytest.RandomBatch(req, out, 1)); err != nil {
				t.Fatal(err)
			}
			for r := range req.Rows {
				if d := math.Abs(float64(c.old[r] - out.LogProb[r])); d > 1e-5*(1+math.Abs(float64(c.old[r]))) {
					t.Fatalf("n = %d, heads %v, row %d: log-probability %g when sampled, %g in training", n, heads, r, out.LogProb[r], c.old[r])
				}
			}
			// The mean entropy of a minibatch.
			if err := c.Step(policytest.FirstRows(50), policytest.StepSettings()); err != nil {
				t.Fatal(err)
			}
			d, err := c.Diagnostics()
			if err != nil {
				t.Fatal(err)
			}
			want := 0.
			for r := range 50 {
				want += float64(out.Entropy[r]) / 50
			}
			if math.Abs(want-d.Entropy) > 1e-5*(1+math.Abs(want)) {
				t.Fatalf("n = %d, heads %v: entropy %g when sampled, %g in training", n, heads, want, d.Entropy)
			}
		}
	}
}

// An action depends on its own row alone.
func TestSamplesDoNotDependOnTheBatch(t *testing.T) {
	c := newTestCPU(t, policytest.Simplex(t, 7), 5, 64, nil)
	whole, part := &policy.Samples{}, &policy.Samples{}
	if err := c.Sample(policytest.RandomRequest(300, 5, 9), whole); err != nil {
		t.Fatal(err)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, procs := range []int{1, 3} {
		runtime.GOMAXPROCS(procs)
		for _, cut := range [][2]int{{0, 1}, {0, 300}, {17, 111}, {290, 300}} {
			req := policytest.RandomRequest(300, 5, 9)
			req.Obs, req.Streams = req.Obs[cut[0]*5:cut[1]*5], req.Streams[cut[0]:cut[1]]
			req.Rows = cut[1] - cut[0]
			if err := c.Sample(req, part); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(part.Actions, whole.Actions[cut[0]*7:cut[1]*7]) || !slices.Equal(part.LogProb, whole.LogProb[cut[0]:cut[1]]) ||
				!slices.Equal(part.Value, whole.Value[cut[0]:cut[1]]) {
				t.Fatalf("rows %v with %d processors differ from those of the whole batch", cut, procs)
			}
		}
	}
}

func TestSamplesAreAllocations(t *testing.T) {
	c := newTestCPU(t, policytest.Simplex(t, 5), 3, 64, nil)
	for _, rule := range []policy.Rule{policy.Sampled, policy.Mode, policy.Mean} {
		req, out := policytest.RandomRequest(200, 3, 4), &policy.Samples{}
		req.Rule = rule
		if err := c.Sample(req, out); err != nil {
			t.Fatal(err)
		}
		for r := range req.Rows {
			a := out.Actions[r*5 : r*5+5]
			sum := 0.
			for i, x := range a {
				if k := r*5 + i; x < out.Lower[k] || x > out.Upper[k] {
					t.Fatalf("row %d: entity %d is %g outside [%g, %g]", r, i, x, out.Lower[k], out.Upper[k])
				}
				sum += x
			}
			if math.Abs(sum-1) > 1e-12 || out.Residual[r] > 1e-12 {
				t.Fatalf("row %d: sum %g, residual %g", r, sum, out.Residual[r])
			}
		}
	}
}

// Rules take means, or modes where there are modes.
func TestDeterministicPoint(t *testing.T) {
	c := newTestCPU(t, policytest.Simplex(t, 3), 2, 8, func(c *policy.Config) { c.HeadScale = 0 })
	fit := &policy.Fit{Entities: []string{"E0", "E1"}, Alpha: []float64{3, 0.5}, Beta: []float64{2, 4}}
	c, err := New(policytest.Simplex(t, 3), 2, 8, c.Config, fit, 1)
	if err != nil {
		t.Fatal(err)
	}
	out := &policy.Samples{}
	for rule, first := range map[policy.Rule]float64{policy.Mode: 2. / 3, policy.Mean: 3. / 5} {
		if err := c.Sample(&policy.Request{Rows: 1, Obs: []float64{1, 2}, Rule: rule}, out); err != nil {
			t.Fatal(err)
		}
		want := []float64{first, (1 - first) * 0.5 / 4.5, 0}
		want[2] = 1 - want[0] - want[1]
		for i, w := range want {
			if math.Abs(out.Actions[i]-w) > 1e-6 {
				t.Errorf("%v: entity %d is %g, want %g", rule, i, out.Actions[i], w)
			}
		}
	}
	if err := c.Sample(&policy.Request{Rows: 1, Obs: []float64{1, 2}, Rule: policy.Mean + 1}, out); err == nil {
		t.Error("a rule that does not exist is taken")
	}
}
