//go:build gpu

package gpu

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/lp/interval"
	"paspo/lp/interval/closedform"
	"paspo/policy"
	"paspo/policy/internal/policytest"
)

// boxed is a solver that returns the intervals of a box around its polytope.
type boxed struct {
	lp.Solver
	p *lp.Polytope
}

func (b boxed) Polytope() *lp.Polytope { return b.p }

// The device has the affine hull and the bounding box of a hull without facets. Residuals are those
// of the hull itself.
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

// Every interval of a device is within the range of the points, to the last bit.
func TestGPUHullWithinPoints(t *testing.T) {
	r := rand.New(rng.New(1, "within"))
	d := lp.Description{Entities: []string{"A", "B", "C", "D"}, Total: math.NaN()}
	for range 12 {
		v := make([]float64, len(d.Entities))
		for j := range v {
			v[j] = math.Round(3000*r.Float64()) / 1000
		}
		d.Points = append(d.Points, v)
	}
	p, err := lp.New(d)
	if err != nil {
		t.Fatal(err)
	}
	least, most, err := lp.BoundingBox(p)
	if err != nil {
		t.Fatal(err)
	}
	s := solverOf(t, p, "explicit")
	sample := func(s lp.Solver, least, most []float64) *policy.Samples {
		g := newTestGPU(t, s, 4, 64, nil)
		out := policytest.MustSample(t, g, policytest.RandomRequest(100, 4, 2))
		if onHost(g) != 0 {
			t.Fatalf("%d rows went to the host", onHost(g))
		}
		for k, x := range out.Actions {
			j := k % p.Dim()
			if !(least[j] <= out.Lower[k] && out.Lower[k] <= x && x <= out.Upper[k] && out.Upper[k] <= most[j]) {
				t.Fatalf("%v of [%v, %v] leaves the points' [%v, %v]", x, out.Lower[k], out.Upper[k], least[j], most[j])
			}
		}
		return out
	}
	sample(s, least, most)

	// Rounding moves few endpoints out of the range of the points. A narrower range shows that the
	// device uses it.
	tables := s.(closedform.Tabled).Tables()
	if !slices.Equal(tables.Least, least) || !slices.Equal(tables.Most, most) {
		t.Fatalf("range %v .. %v, not %v .. %v", tables.Least, tables.Most, least, most)
	}
	tables.Least[0] += 0.01
	tables.Most[0] -= 0.01
	out := sample(withTables{s, tables}, tables.Least, tables.Most)
	for k := 0; k < len(out.Lower); k += p.Dim() {
		if out.Lower[k] != tables.Least[0] || out.Upper[k] != tables.Most[0] {
			t.Fatalf("[%v, %v], not [%v, %v]", out.Lower[k], out.Upper[k], tables.Least[0], tables.Most[0])
		}
	}
}
