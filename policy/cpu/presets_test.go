package cpu

import (
	"errors"
	"strings"
	"testing"

	"paspo/lp"
	"paspo/policy"
	"paspo/policy/internal/policytest"
)

// Every action on the paper's polytopes satisfies every constraint.
func TestSamplesOnPresets(t *testing.T) {
	for _, p := range policytest.PresetSizes {
		t.Run(p.Name, func(t *testing.T) {
			c := newTestCPU(t, policytest.PresetSolver(t, p.Name), p.Obs, 64, nil)
			// Distributions with nearly all of their mass at 0 or 1, where rounding shows.
			state, _ := c.State()
			for _, x := range state.Params {
				if x.Name == "heads.2.weight" {
					for i := range x.Data {
						x.Data[i] *= 30
					}
				}
			}
			for _, pushed := range []bool{false, true} {
				if pushed {
					if err := c.SetState(state); err != nil {
						t.Fatal(err)
					}
				}
				for _, rule := range []policy.Rule{policy.Sampled, policy.Mode, policy.Mean} {
					req, out := policytest.RandomRequest(70, p.Obs, 7), &policy.Samples{}
					req.Rule = rule
					if err := c.Sample(req, out); err != nil {
						t.Fatal(err)
					}
					if !(out.MaxResidual <= maxResidual) {
						t.Errorf("pushed %v, rule %v: residual %g", pushed, rule, out.MaxResidual)
					}
				}
			}
		})
	}
}

// Limits that no allocation satisfies are an error that names the row of the request.
func TestInfeasibleRow(t *testing.T) {
	s := policytest.PresetSolver(t, "portfolio")
	_, b, _ := s.Polytope().Inequalities()
	c := newTestCPU(t, s, 2, 8, nil)
	req := policytest.RandomRequest(100, 2, 1)
	req.Limits = make([]lp.Limits, 100)
	bad := make([]float64, len(b))
	for i := range bad {
		bad[i] = -1
	}
	req.Limits[77].B = bad
	err := c.Sample(req, &policy.Samples{})
	var e *lp.InfeasibleError
	if !errors.As(err, &e) || e.Row != 77 {
		t.Errorf("the error is %v", err)
	}
}

// Wrong intervals of a solver are found by the residuals of actions.
func TestResidualIsChecked(t *testing.T) {
	p := policytest.PresetSolver(t, "portfolio").Polytope()
	c := newTestCPU(t, policytest.SimplexSolver{Of: p}, 2, 8, nil)
	err := c.Sample(policytest.RandomRequest(50, 2, 1), &policy.Samples{})
	if err == nil || !strings.Contains(err.Error(), "leaves the polytope") {
		t.Errorf("the error is %v", err)
	}
}

// Sampling with the intervals of the solver that training uses.
func BenchmarkSamplePreset(b *testing.B) {
	for _, p := range policytest.PresetSizes {
		b.Run(p.Name, func(b *testing.B) {
			c := newTestCPU(b, policytest.PresetSolver(b, p.Name), p.Obs, 64, nil)
			req, out := policytest.RandomRequest(256, p.Obs, 1), &policy.Samples{}
			b.ReportAllocs()
			for b.Loop() {
				if err := c.Sample(req, out); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(256*float64(b.N)/b.Elapsed().Seconds(), "actions/s")
		})
	}
}
