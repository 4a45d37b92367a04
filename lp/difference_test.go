package lp

import (
	"math"
	"testing"
)

func TestDifference(t *testing.T) {
	base := func() Description {
		return Description{
			Entities: []string{"A", "B", "C"}, Total: 1, Lower: []float64{0, 0, 0}, Upper: []float64{1, 1, 0.5},
			Rows: []Row{{Name: "r", Coef: []float64{1, 2, 0}, Min: math.Inf(-1), Max: 1.5}},
		}
	}
	build := func(d Description) *Polytope {
		t.Helper()
		p, err := New(d)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := build(base())
	for _, c := range []struct {
		edit func(*Description)
		want string
	}{
		{func(d *Description) { d.Name, d.Rows[0].Name = "other", "other" }, ""},
		{func(d *Description) { d.Entities[0], d.Entities[1] = "B", "A" }, `entity 1 is "A", not "B"`},
		{func(d *Description) { d.Upper[2] = 0.25 }, `the upper bound of "C" is 0.5, not 0.25`},
		{func(d *Description) { d.Lower[0] = 0.1 }, `the lower bound of "A" is 0, not 0.1`},
		{func(d *Description) { d.Rows[0].Coef[1] = 3 }, `the coefficient of "B" in row "r" is 2, not 3`},
		{func(d *Description) { d.Rows[0].Max = 1.25 }, `the limit of row "r" is 1.5, not 1.25`},
		{func(d *Description) { d.Rows = nil }, `the number of inequalities is 1, not 0: row "r" is one more`},
		{func(d *Description) {
			d.Rows = append(d.Rows, Row{Name: "s", Coef: []float64{1, 0, 1}, Min: math.Inf(-1), Max: 1.25})
		}, `the number of inequalities is 1, not 2: row "s" is missing`},
		{func(d *Description) { d.Total = 1.25 }, `the limit of row "total = 1" is 1, not 1.25`},
		{func(d *Description) { *d = Description{Entities: []string{"A", "B"}, Total: 1} }, `the number of entities is 3, not 2`},
		{func(d *Description) {
			*d = Description{Entities: d.Entities, Total: 1, Points: [][]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}
		},
			`the number of points is 0, not 3`},
	} {
		d := base()
		c.edit(&d)
		q := build(d)
		if got := p.Difference(q); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
		if same := p.Hash() == q.Hash(); same != (c.want == "") {
			t.Errorf("%q, but equal hashes: %v", c.want, same)
		}
	}
}

func TestCheckLimits(t *testing.T) {
	p, err := New(Description{
		Entities: []string{"A", "B"}, Total: 1,
		Rows: []Row{{Name: "r", Coef: []float64{1, 2}, Min: math.Inf(-1), Max: 1.5}},
	})
	if err != nil {
		t.Fatal(err)
	}
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		lim  *Limits
		want string
	}{
		{nil, ""},
		{&Limits{}, ""},
		{&Limits{B: []float64{inf}, F: []float64{2}, Lower: []float64{-inf, 0}, Upper: []float64{inf, 1}, A: []float64{1, 1}}, ""},
		{&Limits{Lower: []float64{0.9, 0.9}}, ""},
		{&Limits{B: []float64{-1e30}, A: []float64{1e30, -1e30}}, ""}, // as a description may state them
		{&Limits{B: []float64{1, 2}}, "B of the limits has length 2, the polytope has 1 inequalities"},
		{&Limits{Upper: []float64{1}}, "Upper of the limits has length 1, the polytope has 2 entities"},
		{&Limits{Lower: []float64{}}, "Lower of the limits has length 0, the polytope has 2 entities"},
		{&Limits{A: []float64{1}}, "A of the limits has length 1, the polytope has 2 coefficients of inequalities"},
		{&Limits{B: []float64{nan}}, `B of the limits is NaN for row "r": a number of at most 1e+30, or +Inf, is allowed`},
		{&Limits{B: []float64{-inf}}, `B of the limits is -Inf for row "r": a number of at most 1e+30, or +Inf, is allowed`},
		{&Limits{B: []float64{-1e308}}, `B of the limits is -1e+308 for row "r": a number of at most 1e+30, or +Inf, is allowed`},
		{&Limits{F: []float64{1e16}}, "F of the limits is 1e+16 for the total: a number of at most 1e+15 is allowed"},
		{&Limits{F: []float64{inf}}, "F of the limits is +Inf for the total: a number of at most 1e+15 is allowed"},
		{&Limits{Lower: []float64{0, nan}}, `Lower of the limits is NaN for entity "B": a number of at most 1e+15, or -Inf, is allowed`},
		{&Limits{Lower: []float64{inf, 0}}, `Lower of the limits is +Inf for entity "A": a number of at most 1e+15, or -Inf, is allowed`},
		{&Limits{Upper: []float64{-inf, 0}}, `Upper of the limits is -Inf for entity "A": a number of at most 1e+15, or +Inf, is allowed`},
		{&Limits{A: []float64{1, nan}}, `A of the limits is NaN for entity "B" in row "r": a number of at most 1e+30 is allowed`},
	} {
		got := ""
		if err := p.CheckLimits(c.lim); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%+v: %q, want %q", c.lim, got, c.want)
		}
	}
}
