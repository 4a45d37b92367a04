package lp_test

import (
	"math"
	"testing"

	"paspo/lp"
	"paspo/lp/internal/lptest"
)

// The numbers are worked out by hand for a_1 + a_2 + a_3 = 1, a >= 0,
// a_1 + 2 a_2 <= 1/2 and a_3 <= 3/4: a_2 is at least 1/4 - a_1 by the cap and at
// most 1/4 - a_1/2 by the row. The sizes of the entities are 1/2, 1/4 and 3/4.
func TestExactInterval(t *testing.T) {
	inf := math.Inf(1)
	p, err := lp.New(lp.Description{
		Entities: []string{"a", "b", "c"}, Total: 1, Upper: []float64{inf, inf, 0.75},
		Rows: []lp.Row{{Name: "row", Coef: []float64{1, 2, 0}, Min: math.Inf(-1), Max: 0.5}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		prefix []float64
		lim    *lp.Limits
		relax  float64
		lo, hi float64
		ok     bool
	}{
		{nil, nil, 0, 0, 0.5, true},
		{[]float64{0}, nil, 0, 0.25, 0.25, true},
		{[]float64{0.125}, nil, 0, 0.125, 0.1875, true},
		{[]float64{0.5}, nil, 0, 0, 0, true},
		{[]float64{0.75}, nil, 0, 0, 0, false},
		{[]float64{0.75}, nil, 0.25, -0.0625, 0, true},
		{[]float64{0.125}, &lp.Limits{B: []float64{0.375}}, 0, 0.125, 0.125, true},
		{[]float64{0.125}, &lp.Limits{F: []float64{0.875}}, 0, 0, 0.1875, true},
		{[]float64{0.125}, &lp.Limits{Lower: []float64{0, 0.5, 0}}, 0, 0, 0, false},
		{[]float64{0.125, 0.125}, nil, 0, 0.75, 0.75, true},
		{nil, nil, -0.0625, 0.15625, 0.40625, true},
		{nil, nil, -1, 0, 0, false},
	} {
		lo, hi, ok := lptest.ExactInterval(p, c.prefix, c.lim, c.relax)
		if ok != c.ok || ok && (lo != c.lo || hi != c.hi) {
			t.Errorf("after %v, %+v, relaxed by %g: [%v, %v] %v, want [%v, %v] %v", c.prefix, c.lim, c.relax, lo, hi, ok, c.lo, c.hi, c.ok)
		}
	}
}
