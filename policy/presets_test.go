package policy

import (
	"errors"
	"strings"
	"testing"

	"paspo/lp"
)

func presetSolver(t testing.TB, name string) lp.Solver {
	t.Helper()
	p, err := lp.Preset(name, 0)
	if err != nil {
		t.Fatal(err)
	}
	s, err := lp.NewSolver(p, lp.DefaultSolverConfig())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// Every action on the paper's polytopes satisfies every constraint.
func TestSamplesOnPresets(t *testing.T) {
	for _, p := range presetSizes {
		t.Run(p.name, func(t *testing.T) {
			c := newTestCPU(t, presetSolver(t, p.name), p.obs, 64, nil)
			// Distributions pushed to the ends, where rounding bites.
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
				for _, deterministic := range []bool{false, true} {
					req, out := request(70, p.obs, 7), &Samples{}
					req.Deterministic = deterministic
					if err := c.Sample(req, out); err != nil {
						t.Fatal(err)
					}
					if !(out.MaxResidual <= maxResidual) {
						t.Errorf("pushed %v, deterministic %v: residual %g", pushed, deterministic, out.MaxResidual)
					}
				}
			}
		})
	}
}

// Limits that leave nothing are an error that names the row of the request.
func TestInfeasibleRow(t *testing.T) {
	s := presetSolver(t, "portfolio")
	_, b, _ := s.Polytope().Inequalities()
	c := newTestCPU(t, s, 2, 8, nil)
	req := request(100, 2, 1)
	req.Limits = make([]lp.Limits, 100)
	bad := make([]float64, len(b))
	for i := range bad {
		bad[i] = -1
	}
	req.Limits[77].B = bad
	err := c.Sample(req, &Samples{})
	var e *lp.InfeasibleError
	if !errors.As(err, &e) || e.Row != 77 {
		t.Errorf("the error is %v", err)
	}
}

// A solver that answers wrong intervals is caught where actions are let out.
func TestResidualIsChecked(t *testing.T) {
	p := presetSolver(t, "portfolio").Polytope()
	c := newTestCPU(t, simplexSolver{p}, 2, 8, nil)
	err := c.Sample(request(50, 2, 1), &Samples{})
	if err == nil || !strings.Contains(err.Error(), "leaves the polytope") {
		t.Errorf("the error is %v", err)
	}
}

// Sampling with the intervals of the solver that training uses.
func BenchmarkSamplePreset(b *testing.B) {
	for _, p := range presetSizes {
		b.Run(p.name, func(b *testing.B) {
			c := newTestCPU(b, presetSolver(b, p.name), p.obs, 64, nil)
			req, out := request(256, p.obs, 1), &Samples{}
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
