package debias

import (
	"errors"
	"math"
	"strings"
	"testing"

	"paspo/lp/constraints"
	"paspo/policy/internal/policytest"
)

// On the simplex the coordinate of entity i is a_i / (1 - a_1 - .. - a_{i-1}), and the
// deviation of a Beta at most sqrt(mean (1 - mean)).
func TestAroundOnTheSimplex(t *testing.T) {
	s := policytest.Simplex(t, 4)
	cfg := uncached()
	cfg.Center, cfg.Spread = []float64{0.1, 0.45, 0.25, 0.2}, 0.05
	f, err := Fit(s.Of, s, cfg, 1)
	if err != nil {
		t.Fatal(err)
	}
	if f.Points != 0 || len(f.Alpha) != 3 {
		t.Fatalf("%+v", f)
	}
	for i, mean := range []float64{0.1, 0.5, 0.25 / 0.45} {
		a, b := f.Alpha[i], f.Beta[i]
		deviation := math.Sqrt(a*b/(a+b+1)) / (a + b)
		if math.Abs(a/(a+b)-mean) > 1e-12 || math.Abs(deviation-0.05*math.Sqrt(mean*(1-mean))) > 1e-12 {
			t.Errorf("head %d is Beta(%g, %g)", i, a, b)
		}
	}

	// At endpoints of intervals densities stay finite, and what is fixed has no distribution.
	cfg.Center = []float64{0, 1, 0, 0}
	if f, err = Fit(s.Of, s, cfg, 1); err != nil {
		t.Fatal(err)
	}
	want := 1/(0.05*0.05) - 1
	if f.Alpha[0] != 1 || f.Beta[1] != 1 || f.Alpha[2] != 1 || f.Beta[2] != 1 || math.Abs(f.Beta[0]+1-want) > 1e-9 || math.Abs(f.Alpha[1]+1-want) > 1e-9 {
		t.Errorf("at a vertex: %v, %v", f.Alpha, f.Beta)
	}
}

func TestAroundNames(t *testing.T) {
	p, err := constraints.Parse("mine.yaml", []byte("entities: [A, B, C]\ntotal: 1\nbounds: {C: [0, 0.5]}\nconstraints: [{name: tech, expr: A + 2*B <= 1}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	none := func() ([]float64, error) { return nil, errors.New("there is none") }
	a, err := Around("{C: 0.45, A: 0.25, B: 0.3}").Allocation(p, none)
	if err != nil || len(a) != 3 || a[0] != 0.25 || a[1] != 0.3 || a[2] != 0.45 {
		t.Errorf("%v, %v", a, err)
	}
	if a, err := Uniform.Allocation(p, none); a != nil || err != nil {
		t.Errorf("uniform: %v, %v", a, err)
	}
	a, err = Baseline.Allocation(p, func() ([]float64, error) { return []float64{0.5, 0.25, 0.25}, nil })
	if _, err := Baseline.Allocation(p, func() ([]float64, error) { return []float64{1}, nil }); err == nil || !strings.Contains(err.Error(), "it has 1 entity") {
		t.Errorf("a baseline of one entity: %v", err)
	}
	if err != nil || a[1] != 0.25 {
		t.Errorf("baseline: %v, %v", a, err)
	}
	for around, want := range map[Around]string{
		Baseline:                     "debias.around is baseline: there is none",
		"{A: 0.1, B: 0.5, C: 0.4}":   "debias.around breaks tech by 0.1: ",
		"{A: 0.4, B: 0.05, C: 0.55}": "debias.around breaks C <= 0.5 by 0.05: ",
		"{A: 0.2, B: 0.2, C: 0.2}":   "debias.around breaks total = 1 by ",
		"{A: 0.5, B: 0.5}":           "debias.around gives C no amount",
		"{A: 1, B: 0, C: 0, D: 0}":   "debias.around gives D an amount: the entities are A, B, C",
	} {
		if _, err := around.Allocation(p, none); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %q", around, err, want)
		}
	}
	// Amounts are those of the constraints as they are written.
	large, err := constraints.Parse("mine.yaml", []byte("entities: [A, B]\ntotal: 1000\nconstraints: [{name: tech, expr: 250*A <= 50000}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Around("{A: 220, B: 780}").Allocation(large, none); err == nil || !strings.HasPrefix(err.Error(), "debias.around breaks tech by 5000: ") {
		t.Errorf("amounts of 1000: %v", err)
	}
	for around, want := range map[Around]string{
		"":             `debias.around is "": uniform, baseline or amounts by entity`,
		"leave":        `debias.around is "leave": uniform, `,
		"[1, 2]":       "debias.around is ",
		"{A: 1, A: 2}": "debias.around ",
		"{A: much}":    `debias.around gives A the amount "much": a finite number is allowed`,
		"{A: .inf}":    "debias.around gives A the amount",
		"{A: {B: 1}}":  "debias.around gives A the amount",
	} {
		cfg := uncached()
		cfg.Around = around
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %q", around, err, want)
		}
	}
	for _, spread := range []float64{0, -1, 0.6, math.NaN()} {
		cfg := uncached()
		cfg.Spread = spread
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "debias.spread") {
			t.Errorf("spread %v: %v", spread, err)
		}
	}
}
