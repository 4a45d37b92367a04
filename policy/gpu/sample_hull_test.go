//go:build gpu

package gpu

import (
	"math"
	"strings"
	"testing"

	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/lp/interval"
	"paspo/policy"
	"paspo/policy/internal/policytest"
)

// boxed answers with the intervals of a box around its polytope.
type boxed struct {
	lp.Solver
	p *lp.Polytope
}

func (b boxed) Polytope() *lp.Polytope { return b.p }

// The device knows the affine hull and the bounding box of a hull without facets.
// Actions are held to the hull itself.
func TestGPUHullWithoutFacets(t *testing.T) {
	p, err := constraints.Parse("hull.yaml", []byte("generate: {method: points, entities: 10, points: 60, seed: 1}\nfacet_effort: 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	if !p.HullOnly() {
		t.Fatal("the facets were found")
	}
	solver, err := interval.New(p, interval.Config{MaxEffort: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { solver.Close() })
	cpu, g := newTestCPU(t, solver, 4, 64, nil), newTestGPU(t, solver, 4, 64, nil)
	req := policytest.RandomRequest(50, 4, 2)
	checkSamples(t, g, req, policytest.MustSample(t, g, req), 1e-9)
	req.Rule = policy.Mode
	x, y := policytest.MustSample(t, g, req), policytest.MustSample(t, cpu, req)
	n := p.Dim()
	for r := range req.Rows {
		if res := p.Residual(x.Actions[r*n:(r+1)*n], nil); !(res <= 1e-9) || res != x.Residual[r] {
			t.Errorf("row %d: residual %g, reported as %g", r, res, x.Residual[r])
		}
	}
	if d := farthest(x.Actions, y.Actions); !(d <= 1e-5*g.Total) {
		t.Errorf("actions differ by %g", d)
	}

	l, u := p.Bounds()
	box, err := lp.New(lp.Description{Entities: p.Entities(), Total: 1, Lower: l, Upper: u})
	if err != nil {
		t.Fatal(err)
	}
	wrong := newTestGPU(t, boxed{solverOf(t, box, "auto"), p}, 4, 64, nil)
	var out policy.Samples
	req.Rule = policy.Sampled
	if err := wrong.Sample(req, &out); err == nil || !strings.Contains(err.Error(), "hull of the points") {
		t.Errorf("error %v", err)
	}
	if !(out.MaxResidual > maxGPUResidual) || math.IsInf(out.MaxResidual, 0) {
		t.Errorf("largest residual %g", out.MaxResidual)
	}
}
