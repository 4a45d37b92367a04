package lp

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	_ "paspo/internal/seeded"
	"paspo/lp/internal/vec"
)

func TestNew(t *testing.T) {
	inf := math.Inf(1)
	p, err := New(Description{
		Name: "all kinds", Entities: []string{"A", "B", "C"}, Total: 2,
		Lower: []float64{-1, 0, 0}, Upper: []float64{1, inf, 3},
		Rows: []Row{
			{Name: "both", Coef: []float64{1, 2, 0}, Min: 0.5, Max: 3},
			{Name: "even", Coef: []float64{1, 0, -1}, Min: 0, Max: 0},
			{Coef: []float64{0, 0, 1}, Min: 0.1, Max: inf},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	a, b, names := p.Inequalities()
	if !slices.Equal(a, []float64{1, 2, 0, -1, -2, 0, 0, 0, -1}) || !slices.Equal(b, []float64{3, -0.5, -0.1}) || !slices.Equal(names, []string{"both", "both", "row 3"}) {
		t.Errorf("%v %v %q", a, b, names)
	}
	e, f, names := p.Equalities()
	if !slices.Equal(e, []float64{1, 1, 1, 1, 0, -1}) || !slices.Equal(f, []float64{2, 0}) || !slices.Equal(names, []string{"total = 2", "even"}) {
		t.Errorf("%v %v %q", e, f, names)
	}
}

// A polytope shares nothing with its description.
func TestNewCopies(t *testing.T) {
	d := Description{
		Entities: []string{"A", "B"}, Total: 1, Lower: []float64{0, 0}, Upper: []float64{1, 1},
		Rows: []Row{{Name: "r", Coef: []float64{1, 2}, Min: math.Inf(-1), Max: 1.5}}, Points: [][]float64{{1, 0}, {0.5, 0.5}},
	}
	p, err := New(d)
	if err != nil {
		t.Fatal(err)
	}
	hash := p.Hash()
	d.Entities[0], d.Lower[0], d.Upper[0], d.Rows[0].Coef[0], d.Points[0][0] = "X", -5, -5, 9, 9
	if p.Hash() != hash || p.entities[0] != "A" || p.form.L[0] != 0 || p.form.U[0] != 1 || p.form.A[0] != 1 || p.rows[0].Coef[0] != 1 || p.points[0][0] != 1 {
		t.Error("a change of the description changes the polytope")
	}
}

func TestNewErrors(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	row := func(name string, coef []float64, lo, hi float64) func(*Description) {
		return func(d *Description) { d.Rows = append(d.Rows, Row{Name: name, Coef: coef, Min: lo, Max: hi}) }
	}
	for _, c := range []struct {
		change func(*Description)
		want   string
	}{
		{func(d *Description) { d.Entities = nil }, "polytope p: it has no entities"},
		{func(d *Description) { d.Entities = make([]string, 20_000) }, "polytope p: 20000 entities are too many (at most 10000)"},
		{func(d *Description) { d.Entities[1] = "" }, "polytope p: entity 2: the name is empty"},
		{func(d *Description) { d.Entities[1] = "A" }, `polytope p: two entities have the name "A"`},
		{func(d *Description) { d.Entities[1] = "B\nC" }, `polytope p: entity 2: the name "B\nC" holds a character that does not print`},
		{func(d *Description) { d.Entities[1] = "\xff" }, `polytope p: entity 2: the name "\xff" is not UTF-8`},
		{func(d *Description) { d.Entities[1] = strings.Repeat("x", 201) }, "polytope p: entity 2: the name is longer than 200 bytes"},
		{func(d *Description) { d.Name = " p" }, `name of the polytope: the name " p" begins or ends with a space`},
		{func(d *Description) { d.Total = inf }, "polytope p: total: +Inf is not a number of at most 1e+15"},
		{func(d *Description) { d.Lower = []float64{0} }, "polytope p: 1 lower and 3 upper bounds for 3 entities"},
		{func(d *Description) { d.Lower = []float64{0, nan, 0} }, "polytope p: lower bound of B: NaN is neither -Inf nor a number of at most 1e+15"},
		{func(d *Description) { d.Upper = []float64{0, 1, -inf} }, "polytope p: upper bound of C: -Inf is neither +Inf nor a number of at most 1e+15"},
		{func(d *Description) { d.Lower, d.Upper = []float64{0, 2, 0}, []float64{1, 1, 1} }, "polytope p: bounds of B: the lower, 2, is above the upper, 1"},
		{row("r", []float64{1}, 0, 1), "polytope p: constraint r has 1 coefficient for 3 entities"},
		{row("r", []float64{1, nan, 1}, 0, 1), "polytope p: constraint r, coefficient of B: NaN is not a number of at most 1e+30"},
		{row("r", []float64{1, inf, 1}, 0, 1), "polytope p: constraint r, coefficient of B: +Inf is not a number of at most 1e+30"},
		{row("r", []float64{0, 0, 0}, 0.5, 1), "the limits of p leave nothing: no allocation satisfies r"},
		{row("r", []float64{0, 0, 0}, 0.5, 0.5), "the limits of p leave nothing: no allocation satisfies r"},
		{row("r", []float64{0, 0, 0}, -inf, -1e-300), "the limits of p leave nothing: no allocation satisfies r"},
		{row("r", []float64{0, 5e-324, 1e-160}, 0, 1), "polytope p: constraint r: its largest coefficient, 1e-160, is too small to compute with (at least 1e-150)"},
		{row("r", []float64{1, 0, 0}, nan, 1), "polytope p: constraint r: min, NaN, is neither -Inf nor a number of at most 1e+30"},
		{row("r", []float64{1, 0, 0}, 0, nan), "polytope p: constraint r: max, NaN, is neither +Inf nor a number of at most 1e+30"},
		{row("r", []float64{1, 0, 0}, inf, inf), "polytope p: constraint r: min, +Inf, is neither -Inf nor a number of at most 1e+30"},
		{row("r", []float64{1, 0, 0}, -inf, inf), "polytope p: constraint r limits nothing: it has neither min nor max"},
		{row("r", []float64{1, 0, 0}, 1, 0), "polytope p: constraint r: min, 1, is above max, 0"},
		{func(d *Description) {
			row("r", []float64{1, 0, 0}, 0, 1)(d)
			row("r", []float64{1, 0, 0}, 0, 1)(d)
		}, `polytope p: two constraints have the name "r"`},
		{func(d *Description) { d.Points = [][]float64{{1, 0}} }, "polytope p: point 1 has 2 numbers for 3 entities"},
		{func(d *Description) { d.Points = [][]float64{{1, 0, nan}} }, "polytope p: point 1, C: NaN is not a number of at most 1e+15"},
		{func(d *Description) {
			d.Points = [][]float64{{0.5, 0.5, 0}, {1, 0, 0}}
			row("r", []float64{1, 0, 0}, -inf, 0.5)(d)
		}, "polytope p: point 2 breaks r (scaled residual 0.5)"},
		{row("r", []float64{1, 1, 1}, 1.5, inf), "the limits of p leave nothing: no allocation satisfies all of total = 1; r"},
	} {
		d := Description{Name: "p", Entities: []string{"A", "B", "C"}, Total: 1}
		c.change(&d)
		p, err := New(d)
		if err == nil || err.Error() != c.want || p != nil {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

func TestUnbounded(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range []struct {
		d         Description
		entity    string
		direction int
	}{
		{Description{Total: nan}, "A", 1},
		{Description{Total: nan, Upper: []float64{1, inf}}, "B", 1},
		{Description{Total: nan, Lower: []float64{0, -inf}, Upper: []float64{1, 1}}, "B", -1},
		{Description{Total: 1, Lower: []float64{-inf, 0}}, "A", -1},
		{Description{Total: 1, Lower: []float64{-inf, -inf}}, "A", 1},
		{Description{Total: nan, Rows: []Row{{Coef: []float64{1, -1}, Min: 0, Max: 1}}}, "A", 1},
		{Description{Total: nan, Rows: []Row{{Coef: []float64{1, 1}, Min: 1, Max: inf}}}, "A", 1},
		// These are bounded, by two rows together or by one.
		{Description{Total: nan, Rows: []Row{{Coef: []float64{1, -1}, Min: -inf, Max: 1}, {Coef: []float64{-1, 2}, Min: -inf, Max: 1}}}, "", 0},
		{Description{Total: nan, Rows: []Row{{Coef: []float64{1, 2}, Min: -inf, Max: 1}}}, "", 0},
		{Description{Total: nan, Lower: []float64{-inf, -inf}, Upper: []float64{1, 1}, Rows: []Row{{Coef: []float64{1, 2}, Min: -5, Max: inf}}}, "", 0},
		{Description{Total: 1, Lower: []float64{-inf, 0}, Rows: []Row{{Coef: []float64{0, 1}, Min: -inf, Max: 7}}}, "", 0},
		{Description{Total: nan, Lower: []float64{-inf, -inf}, Rows: []Row{{Coef: []float64{1, 1}, Min: -1, Max: 1}, {Coef: []float64{1, -1}, Min: -1, Max: 1}}}, "", 0},
	} {
		c.d.Entities = []string{"A", "B"}
		p, err := New(c.d)
		if c.entity == "" {
			if err != nil {
				t.Errorf("%v: %v", c.d, err)
			}
			continue
		}
		var unbounded *UnboundedError
		if !errors.As(err, &unbounded) || unbounded.Entity != c.entity || unbounded.Direction != c.direction || p != nil {
			t.Errorf("%v: %v, want %s %+d", c.d, err, c.entity, c.direction)
		}
	}
}

// Decimal fractions that miss by rounding do not make a polytope empty, and a
// point of it is feasible.
func TestNearlyEmpty(t *testing.T) {
	caps := func(gap float64) Description {
		return Description{Entities: []string{"A", "B", "C"}, Total: 1, Upper: []float64{0.1, 0.2, 0.7 - gap}}
	}
	for _, gap := range []float64{-1e-3, -1e-12, 0, 1e-16, 1e-15} {
		p, err := New(caps(gap))
		if err != nil {
			t.Errorf("gap %g: %v", gap, err)
			continue
		}
		x, _, err := p.Minimize([]float64{1, 2, 3}, nil)
		if err != nil || p.Residual(x, nil) > 1e-9 {
			t.Errorf("gap %g: %v %v", gap, x, err)
		}
	}
	for _, gap := range []float64{1e-12, 1e-10, 1e-8, 1e-6, 0.1} {
		var empty *EmptyError
		if _, err := New(caps(gap)); !errors.As(err, &empty) || len(empty.Conflict) != 4 {
			t.Errorf("gap %g: %v", gap, err)
		}
	}
}

// The point that a polytope is drawn around satisfies it.
func TestNewAcceptsFeasible(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, inside := drawDescription(t)
		p, err := New(d)
		if err != nil {
			t.Fatalf("%v has a point, %v: %v", d, inside, err)
		}
		if r := p.Residual(inside, nil); r > 1e-9 {
			t.Fatalf("residual %g", r)
		}
	})
}

// drawDescription draws a bounded polytope around a point.
func drawDescription(t *rapid.T) (Description, []float64) {
	n := rapid.IntRange(1, 7).Draw(t, "entities")
	number := rapid.Custom(func(t *rapid.T) float64 {
		return float64(rapid.IntRange(-8, 8).Draw(t, "n")) / float64(rapid.SampledFrom([]int{1, 2, 5, 10}).Draw(t, "d"))
	})
	unit := rapid.SampledFrom([]float64{1, 1, 1, 0.01, 1000}).Draw(t, "unit")
	d := Description{Entities: testNames(n), Total: math.NaN(), Lower: make([]float64, n), Upper: make([]float64, n)}
	inside := make([]float64, n)
	sum := 0.
	for j := range n {
		inside[j] = unit * number.Draw(t, "x")
		sum += inside[j]
		d.Lower[j] = inside[j] - unit*math.Abs(number.Draw(t, "below"))
		d.Upper[j] = inside[j] + unit*math.Abs(number.Draw(t, "above"))
	}
	if rapid.Bool().Draw(t, "budget") {
		d.Total = sum
	}
	for k := range rapid.IntRange(0, 5).Draw(t, "rows") {
		r := Row{Coef: make([]float64, n), Min: math.Inf(-1), Max: math.Inf(1), Name: "r" + string(rune('0'+k))}
		ax := 0.
		for j := range n {
			r.Coef[j] = number.Draw(t, "c")
			ax += r.Coef[j] * inside[j]
		}
		if vec.MaxAbs(r.Coef) == 0 {
			r.Coef[0], ax = 1, inside[0]
		}
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			r.Max = ax + unit*math.Abs(number.Draw(t, "slack"))
		case 1:
			r.Min = ax - unit*math.Abs(number.Draw(t, "slack"))
		case 2:
			r.Min, r.Max = ax-unit, ax+unit*math.Abs(number.Draw(t, "slack"))
		default:
			r.Min, r.Max = ax, ax
		}
		d.Rows = append(d.Rows, r)
	}
	return d, inside
}

// A row of zeros that 0 satisfies is left out, with a warning.
func TestZeroRows(t *testing.T) {
	inf := math.Inf(1)
	d := Description{Entities: testNames(3), Total: 1}
	plain, err := New(d)
	if err != nil {
		t.Fatal(err)
	}
	for _, limits := range [][2]float64{{-inf, 0}, {0, 0}, {0, inf}, {-1, 2}, {-inf, 1e15}} {
		d.Rows = []Row{{Coef: make([]float64, 3), Min: limits[0], Max: limits[1]}}
		p, err := New(d)
		if err != nil {
			t.Errorf("%v: %v", limits, err)
			continue
		}
		want := []string{"constraint row 1 limits nothing, as all its coefficients are 0"}
		if p.Hash() != plain.Hash() || !slices.Equal(p.Warnings(), want) {
			t.Errorf("%v: warnings %q", limits, p.Warnings())
		}
	}
}

// Whether a polytope is empty does not depend on the unit of a row or of the amounts.
func TestEmptyInAnyUnit(t *testing.T) {
	inf := math.Inf(1)
	for _, unit := range []float64{1e-9, 1, 1e9} {
		for _, row := range []float64{1e-14, 1, 1e14} {
			for bound, want := range map[float64]bool{0.4: true, 0.6: false} {
				d := Description{
					Entities: testNames(2), Total: unit, Upper: []float64{bound * unit, inf},
					Rows: []Row{{Coef: []float64{0, row}, Min: -inf, Max: 0.5 * unit * row}},
				}
				if got, err := Empty(d); err != nil || got != want {
					t.Errorf("unit %g, row times %g, bound %g: %v, %v", unit, row, bound, got, err)
				}
			}
		}
	}
}
