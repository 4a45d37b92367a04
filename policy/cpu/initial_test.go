package cpu

import (
	"math"
	"testing"

	"paspo/policy"
	"paspo/policy/internal/policytest"
)

func TestInitialFit(t *testing.T) {
	fit := &policy.Fit{Entities: []string{"A", "B", "C"}, Alpha: []float64{1.5, 0.02, 300}, Beta: []float64{7, 1, 2e4}}
	s := policytest.Simplex(t, 4)
	cfg := policy.DefaultConfig()
	req := policytest.RandomRequest(200, 5, 1)
	sampled := func(cfg policy.Config) *policy.Samples {
		c, err := New(s, 5, 8, cfg, fit, 3)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		out := &policy.Samples{}
		if err := c.Sample(req, out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	worst := func(out *policy.Samples) float64 {
		w := 0.
		for r := range req.Rows {
			for h := range 3 {
				w = max(w, math.Abs(float64(out.Alpha[3*r+h])/fit.Alpha[h]-1), math.Abs(float64(out.Beta[3*r+h])/fit.Beta[h]-1))
			}
		}
		return w
	}
	if w := worst(sampled(cfg)); w > 0.02 {
		t.Errorf("the initial policy is %.2g off the fit", w)
	}
	exact := cfg
	exact.HeadScale = 0
	if w := worst(sampled(exact)); w > 1e-5 {
		t.Errorf("with last weights of 0 the initial policy is %.2g off the fit", w)
	}
	ceiling := exact
	ceiling.MaxShape = 1e5
	if w := worst(sampled(ceiling)); w > 1e-5 {
		t.Errorf("under a ceiling the initial policy is %.2g off the fit", w)
	}
	added := cfg
	added.AddFit = true
	if w := worst(sampled(added)); w < 0.05 || w > 1 {
		t.Errorf("the paper's form is %.2g off the fit", w)
	}

	// A fit above the ceiling is an error.
	low := cfg
	low.MaxShape = 100
	if _, err := New(s, 5, 8, low, fit, 3); err == nil {
		t.Error("a fit above the ceiling is taken")
	}
	// A parameter below the floor starts near the floor, the others start as fitted.
	floor := exact
	floor.MinShape = 0.5
	out := sampled(floor)
	for h, want := range []float64{1.5, 0.55, 300} {
		if got := float64(out.Alpha[h]); math.Abs(got/want-1) > 1e-5 {
			t.Errorf("with a floor of 0.5 the alpha of head %d is %v, want %v", h, got, want)
		}
	}
	short := &policy.Fit{Entities: []string{"A"}, Alpha: []float64{1}, Beta: []float64{1}}
	if _, err := New(s, 5, 8, cfg, short, 3); err == nil {
		t.Error("a fit of one head is taken for three")
	}
}
