package lp

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"paspo/lp/internal/hull"
	"paspo/lp/internal/program"
	"paspo/lp/internal/programtest"
	"paspo/lp/internal/vec"
)

func TestFindConflict(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		name string
		d    Description
		want []string
	}{
		{"two rows", Description{Total: 1, Rows: []Row{
			{Name: "idle", Coef: []float64{1, 0, 0}, Min: -inf, Max: 0.9},
			{Name: "low", Coef: []float64{0, 1, 1}, Min: -inf, Max: 0.4},
			{Name: "high", Coef: []float64{0, 2, 2}, Min: 1, Max: inf},
		}}, []string{"low", "high"}},
		{"a row and the budget", Description{Total: 1, Rows: []Row{
			{Name: "idle", Coef: []float64{1, 2, 3}, Min: -inf, Max: 5},
			{Name: "all", Coef: []float64{1, 1, 1}, Min: -inf, Max: 0.5},
		}}, []string{"total = 1", "all"}},
		{"caps", Description{Total: 1, Upper: []float64{0.2, 0.3, 0.4}}, []string{"total = 1", "A <= 0.2", "B <= 0.3", "C <= 0.4"}},
		{"floors", Description{Total: 1, Lower: []float64{0.2, 0.9, 0}}, []string{"total = 1", "A >= 0.2", "B >= 0.9", "C >= 0"}},
		{"a negative budget", Description{Total: -1}, []string{"total = -1", "A >= 0", "B >= 0", "C >= 0"}},
		{"a row alone", Description{Total: 1, Rows: []Row{{Name: "neg", Coef: []float64{1, 0, 0}, Min: -inf, Max: -0.1}}}, []string{"neg", "A >= 0"}},
		{"equalities", Description{Total: 1, Rows: []Row{
			{Name: "e1", Coef: []float64{1, -1, 0}, Min: 0.2, Max: 0.2},
			{Name: "e2", Coef: []float64{2, -2, 0}, Min: 0.5, Max: 0.5},
		}}, []string{"e1", "e2"}},
		{"nothing in reach without the budget", Description{Total: 1, Upper: []float64{1e5, 2, 1e5}, Rows: []Row{
			{Name: "high", Coef: []float64{0, 1, 0}, Min: 2, Max: inf},
			{Name: "low", Coef: []float64{-0.0001, 1, 0}, Min: -inf, Max: 0},
		}}, []string{"total = 1", "high", "low", "C >= 0"}},
		{"a large budget", Description{Total: 1e9, Upper: []float64{1e8, 1e8, 7.9e8}}, []string{"total = 1e+09", "A <= 1e+08", "B <= 1e+08", "C <= 7.9e+08"}},
		{"coefficients of many sizes", Description{Total: 1, Rows: []Row{
			{Name: "big", Coef: []float64{1e6, 0, 0}, Min: 9e5, Max: inf},
			{Name: "small", Coef: []float64{0, 1e-3, 0}, Min: 2e-4, Max: inf},
		}}, []string{"total = 1", "big", "small", "C >= 0"}},
		{"terms that meet but for rounding", Description{Total: 1, Lower: []float64{0, 0.2, 0}, Upper: []float64{1, 0.5, 0.5}, Rows: []Row{
			{Name: "trade", Coef: []float64{1, 0, 0}, Min: -inf, Max: -0.2, Terms: []Term{
				{Entity: 0, Above: 1, Below: 1, From: -0.2}, {Entity: 1, Above: 1, Below: 1, From: 0.19898500962911314}, {Entity: 2, Above: 1, Below: 1, From: 1. / 3},
			}},
		}}, []string{"trade", "A >= 0"}},
	} {
		c.d.Entities = []string{"A", "B", "C"}
		_, err := New(c.d)
		var empty *EmptyError
		if !errors.As(err, &empty) || !slices.Equal(empty.Conflict, c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// Too many constraints to filter, and to print.
func TestConflictOfMany(t *testing.T) {
	const n = 300
	d := Description{Entities: testNames(n), Total: 1, Upper: slices.Repeat([]float64{0.9 / n}, n)}
	row := Row{Name: "idle", Coef: slices.Repeat([]float64{1}, n), Min: math.Inf(-1), Max: 3}
	row.Coef[0] = 2
	d.Rows = []Row{row}
	_, err := New(d)
	var empty *EmptyError
	if !errors.As(err, &empty) || len(empty.Conflict) != n+1 || slices.Contains(empty.Conflict, "idle") {
		t.Fatalf("%v", err)
	}
	const want = "the limits leave nothing: no allocation satisfies all of total = 1; E1 <= 0.003; E2 <= 0.003; E3 <= 0.003; E4 <= 0.003; E5 <= 0.003; E6 <= 0.003; E7 <= 0.003; E8 <= 0.003; E9 <= 0.003; E10 <= 0.003; E11 <= 0.003; and 289 more"
	if err.Error() != want {
		t.Errorf("%v", err)
	}
}

// Limits of a state are what the conflict is found in.
func TestFindConflictOfLimits(t *testing.T) {
	p, err := New(Description{Entities: []string{"A", "B"}, Total: 1, Rows: []Row{{Name: "r", Coef: []float64{1, 2}, Min: math.Inf(-1), Max: 2}}})
	if err != nil {
		t.Fatal(err)
	}
	if c := p.FindConflict(nil); c != nil {
		t.Errorf("%q", c)
	}
	lim := &Limits{B: []float64{0.5}}
	if c := p.FindConflict(lim); !slices.Equal(c, []string{"total = 1", "r", "B >= 0"}) {
		t.Errorf("%q", c)
	}
	var empty *EmptyError
	if _, _, err := p.Minimize([]float64{1, 0}, lim); !errors.As(err, &empty) || len(empty.Conflict) != 3 {
		t.Errorf("%v", err)
	}
	if c := p.FindConflict(&Limits{Upper: []float64{0.25, 0.5}}); !slices.Equal(c, []string{"total = 1", "A <= 0.25", "B <= 0.5"}) {
		t.Errorf("%q", c)
	}
}

func TestEmptyErrorText(t *testing.T) {
	for want, e := range map[string]*EmptyError{
		"the limits leave nothing":                                           {},
		"the limits of p leave nothing: no allocation satisfies r":           {Name: "p", Conflict: []string{"r"}},
		"the limits of p leave nothing: no allocation satisfies all of r; s": {Name: "p", Conflict: []string{"r", "s"}},
		"the limits leave nothing: no allocation satisfies all of r; s":      {Conflict: []string{"r", "s"}, Amount: 0.1},

		"the limits leave nothing: no allocation satisfies all of r; s (they exclude one another by a scaled 3e-09 only)": {Conflict: []string{"r", "s"}, Amount: 3e-9},
	} {
		if e.Error() != want {
			t.Errorf("%s, want %s", e, want)
		}
	}
}

// Of random limits a conflict is itself a conflict, and irreducible. Rows move by up
// to twice what they can span within the bounds, so that two draws in three are in
// conflict: -short makes few.
func TestConflictIsIrreducible(t *testing.T) {
	found, drawn := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		d, _ := drawDescription(t)
		d.Rows = append(d.Rows, Row{Name: "one at least", Coef: slices.Repeat([]float64{1}, len(d.Entities)), Min: math.Inf(-1), Max: MaxMagnitude})
		p, err := assemble(d, hull.Effort)
		if err != nil {
			t.Fatal(err)
		}
		n := p.Dim()
		last := len(p.form.B) - 1
		p.form.B[last], _ = vec.DotScale(p.form.A[last*n:], p.form.U)
		for k := range p.form.B {
			width := 0.
			for j, c := range p.form.A[k*n : (k+1)*n] {
				width += math.Abs(c) * (p.form.U[j] - p.form.L[j])
			}
			p.form.B[k] += width * rapid.SampledFrom([]float64{0.1, 0, -0.1, -0.3, -0.9, -1.1, -2}).Draw(t, "shift")
		}
		q := program.Program{C: make([]float64, n), A: p.form.A, B: p.form.B, E: p.form.E, F: p.form.F, L: p.form.L, U: p.form.U}
		q.SetScales()
		drawn++
		if programtest.CheckConflict(t, &q) {
			found++
		}
	})
	if found < drawn/5 {
		t.Errorf("%d of %d draws were in conflict", found, drawn)
	}
}

// A total that is the rounding of entities that cancel out is no measure of these.
func TestNoConflictOfCancellation(t *testing.T) {
	x := []float64{0.5, 0.1, 4, 0.1, 0.3, -4, -1}
	total := 0.
	for _, v := range x {
		total += v
	}
	if total == 0 {
		t.Fatal("nothing is rounded")
	}
	p, err := New(Description{Entities: testNames(7), Total: total, Lower: x, Upper: x, Rows: []Row{
		{Coef: []float64{1, 0, 0, 0, 0, 0, 0}, Min: math.Inf(-1), Max: 0.5},
		{Coef: []float64{0, 0, 0, 0, 0, 0.1, 0}, Min: -1.4, Max: math.Inf(1)},
		{Coef: slices.Repeat([]float64{1}, 7), Min: math.Inf(-1), Max: total},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if c := p.FindConflict(nil); c != nil {
		t.Errorf("%q", c)
	}
}

// Limits that contradict one another by more than rounding have a typed error with
// their names, even by 1e-12.
func TestConflictNearRounding(t *testing.T) {
	d := Description{
		Entities: []string{"a", "b", "c", "d", "e", "f", "g", "h"}, Total: math.NaN(),
		Upper: []float64{0.017067569149450602, 1.0618123068751482, 0.1, 0.16212210076651257, 0.6165234162475772, 1.2459556961504985, 0.01, 0.11651891081081274},
		Rows:  []Row{{Name: "row", Coef: []float64{-3, 0.79, 0.66, 0, -2, 0.68, 0.85, -3}, Min: math.Inf(-1)}},
	}
	least := -3*d.Upper[0] - 2*d.Upper[4] - 3*d.Upper[7]
	for _, by := range []float64{0, 1e-12, 1e-10, 1e-9, 5e-9, 7.8e-9, 1e-8, 1e-7} {
		d.Rows[0].Max = least - by
		_, err := New(d)
		var empty *EmptyError
		switch {
		case err == nil && by == 0:
		case errors.As(err, &empty) && by > 0:
			names := make([]string, len(empty.Conflict))
			for i, c := range empty.Conflict {
				names[i] = strings.Fields(c)[0]
			}
			if want := []string{"row", "a", "b", "c", "e", "f", "g", "h"}; !slices.Equal(names, want) {
				t.Errorf("by %g: %v", by, empty.Conflict)
			}
		default:
			t.Errorf("by %g: %v", by, err)
		}
	}
}
