package lp

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

// withTurnover is a budget of 1 over three entities of which 0.4 may be moved in all.
func withTurnover(unit, weight float64) Description {
	row := Row{Name: "turnover", Coef: make([]float64, 3), Min: math.Inf(-1), Max: 0.4 * unit * weight}
	for j, h := range []float64{0.5, 0.3, 0.2} {
		row.Terms = append(row.Terms, Term{Entity: j, Above: weight, Below: weight, From: h * unit, Holding: true})
	}
	return Description{Entities: []string{"A", "B", "C"}, Total: unit, Rows: []Row{row}}
}

// TestTermsScale holds residuals and the bounding box to other units of amounts and rows.
func TestTermsScale(t *testing.T) {
	p, err := New(withTurnover(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	lo, hi, err := BoundingBox(p)
	if err != nil {
		t.Fatal(err)
	}
	for j, h := range []float64{0.5, 0.3, 0.2} {
		if math.Abs(lo[j]-(h-0.2)) > 1e-12 || math.Abs(hi[j]-(h+0.2)) > 1e-12 {
			t.Errorf("entity %d is in [%v, %v]", j, lo[j], hi[j])
		}
	}
	a := []float64{0.9, 0.1, 0}
	want, name := p.WorstConstraint(a, nil)
	// (0.4 + 0.2 + 0.2 - 0.4) over (1 + 1) (s_j + h_j), where sizes are 1 as any holdings may be moved from.
	if exact := 0.4 / (2 * (3 + 1)); name != "turnover" || math.Abs(want-exact) > 1e-12 {
		t.Errorf("residual %v of %s, want %v", want, name, exact)
	}
	for _, c := range [][2]float64{{100, 1}, {1, 1000}, {1e-6, 3}, {1e9, 1e-9}} {
		q, err := New(withTurnover(c[0], c[1]))
		if err != nil {
			t.Fatal(err)
		}
		b := slices.Clone(a)
		for j := range b {
			b[j] *= c[0]
		}
		if got := q.Residual(b, nil); math.Abs(got-want) > 1e-12 {
			t.Errorf("units %v: residual %v, want %v", c, got, want)
		}
	}
	lim := &Limits{Holdings: []float64{1, 0, 0}}
	if got := p.Residual(a, lim); !(got < 1e-15) {
		t.Errorf("residual %v from other holdings", got)
	}
	if names := p.FindConflict(&Limits{Holdings: []float64{1, 0, 0}, Upper: []float64{0.5, 1, 1}}); !slices.Equal(names, []string{"total = 1", "turnover", "A <= 0.5"}) && !slices.Equal(names, []string{"turnover", "A <= 0.5"}) {
		t.Errorf("conflict %q", names)
	}
	if err := p.CheckLimits(&Limits{Holdings: []float64{1, 0}}); err == nil || !strings.Contains(err.Error(), "Holdings of the limits has length 2") {
		t.Errorf("%v", err)
	}
	if err := p.CheckLimits(&Limits{Holdings: []float64{1, 0, math.NaN()}}); err == nil || !strings.Contains(err.Error(), `entity "C"`) {
		t.Errorf("%v", err)
	}
}

func TestTermVerdicts(t *testing.T) {
	inf := math.Inf(1)
	d := withTurnover(1, 1)
	d.Lower, d.Upper = []float64{0.8, 0, 0}, []float64{1, 1, 1}
	var empty *EmptyError
	if _, err := New(d); !errors.As(err, &empty) || !slices.Contains(empty.Conflict, "turnover") || !slices.Contains(empty.Conflict, "A >= 0.8") || slices.Contains(empty.Conflict, "") {
		t.Errorf("%v", err)
	}
	if is, err := Empty(d); !is || err != nil {
		t.Errorf("%v, %v", is, err)
	}
	// Magnitudes alone bound a polytope, and parts above alone do not.
	d = Description{Entities: []string{"A", "B"}, Total: math.NaN(), Lower: []float64{-inf, -inf}}
	d.Rows = []Row{{Name: "r", Coef: []float64{0, 0}, Min: -inf, Max: 1, Terms: []Term{{Entity: 0, Above: 1, Below: 1}, {Entity: 1, Above: 1}}}}
	var open *UnboundedError
	if _, err := New(d); !errors.As(err, &open) || open.Entity != "B" || open.Direction != -1 {
		t.Errorf("%v", err)
	}
	d.Rows[0].Terms[1].Below = 2
	if _, err := New(d); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(r *Row){
		"it takes a max and no min":             func(r *Row) { r.Min = 0 },
		"entity 2 is not one of the 2":          func(r *Row) { r.Terms[0].Entity = 2 },
		"weight of a term of A: -1":             func(r *Row) { r.Terms[0].Above = -1 },
		"it counts from NaN":                    func(r *Row) { r.Terms[0].From = math.NaN() },
		"weight of a term of B: +Inf":           func(r *Row) { r.Terms[1].Below = inf },
		"constraint r limits nothing: it has n": func(r *Row) { r.Max = inf },
	} {
		e := d
		e.Rows = slices.Clone(d.Rows)
		e.Rows[0].Terms = slices.Clone(d.Rows[0].Terms)
		change(&e.Rows[0])
		if _, err := New(e); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
