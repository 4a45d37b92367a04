package policy

import (
	"math"
	"testing"

	"paspo/lp"
)

// Heads see amounts as shares of the budget, or of the largest entity.
func TestTotal(t *testing.T) {
	for _, tc := range []struct {
		name string
		d    lp.Description
		want float64
	}{
		{"budget", lp.Description{Entities: []string{"A", "B"}, Total: 5}, 5},
		{"box", lp.Description{Entities: []string{"A", "B"}, Total: math.NaN(), Upper: []float64{2, 8}}, 8},
		{"negative", lp.Description{Entities: []string{"A", "B"}, Total: math.NaN(), Lower: []float64{-9, 0}, Upper: []float64{2, 8}}, 9},
		{"row", lp.Description{Entities: []string{"A", "B"}, Total: math.NaN(),
			Rows: []lp.Row{{Name: "r", Coef: []float64{1, 2}, Min: math.Inf(-1), Max: 3}}}, 3},
		{"scaled equality", lp.Description{Entities: []string{"A", "B"}, Total: math.NaN(), Upper: []float64{3, 4},
			Rows: []lp.Row{{Name: "e", Coef: []float64{-1e-9, -1e-9}, Min: -5e-9, Max: -5e-9}}}, 5},
		{"origin", lp.Description{Entities: []string{"A", "B"}, Total: 0}, 1},
	} {
		p, err := lp.New(tc.d)
		if err != nil {
			t.Fatal(err)
		}
		if got := Total(p); math.Abs(got-tc.want) > 1e-9 {
			t.Errorf("%s: %g, want %g", tc.name, got, tc.want)
		}
	}
}

func TestHeads(t *testing.T) {
	for _, tc := range []struct {
		d    lp.Description
		want int
	}{
		{lp.Description{Entities: []string{"A", "B", "C"}, Total: 1}, 2},
		{lp.Description{Entities: []string{"A", "B"}, Total: math.NaN(), Upper: []float64{1, 1}}, 2},
		// The equality leaves the last entity free.
		{lp.Description{Entities: []string{"A", "B", "C"}, Total: math.NaN(), Upper: []float64{1, 1, 1},
			Rows: []lp.Row{{Name: "e", Coef: []float64{1, 1, 0}, Min: 1, Max: 1}}}, 3},
	} {
		p, err := lp.New(tc.d)
		if err != nil {
			t.Fatal(err)
		}
		if got := Heads(p); got != tc.want {
			t.Errorf("%v: %d heads, want %d", tc.d.Rows, got, tc.want)
		}
	}
}
