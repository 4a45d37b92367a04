package relax

import (
	"math"
	"testing"

	"paspo/lp"
)

// By hand: four shares of at most 0.2 that add up to 1 lack 0.2, 0.05 each; a turnover of at
// most 0.1 away from A alone, of which 0.6 are allowed, needs 0.8 - x <= 0.1 + x with x more of
// A, so that x is 0.7/3.
func TestLeast(t *testing.T) {
	all := math.Inf(1)
	trade := lp.Row{Name: "trade", Coef: make([]float64, 2), Min: -all, Max: 0.1, Terms: []lp.Term{{Entity: 0, Above: 1, Below: 1, From: 1, Holding: true}, {Entity: 1, Above: 1, Below: 1, Holding: true}}}
	for want, d := range map[float64]lp.Description{
		0.05:    {Entities: []string{"A", "B", "C", "D"}, Total: 1, Upper: []float64{0.2, 0.2, 0.2, 0.2}},
		0.7 / 3: {Entities: []string{"A", "B"}, Total: 1, Upper: []float64{0.6, 1}, Rows: []lp.Row{trade}},
		0.25:    {Entities: []string{"A", "B"}, Total: 1, Rows: []lp.Row{{Name: "a", Coef: []float64{1, 0}, Min: 1.5, Max: 1.5}}},
		0:       {Entities: []string{"A", "B"}, Total: 1},
	} {
		if x, err := Least(d); err != nil || math.Abs(x-want) > 1e-9 {
			t.Errorf("%v, %v: want %v", x, err, want)
		}
	}
	if _, err := Least(lp.Description{Points: [][]float64{{1}}}); err == nil {
		t.Error("a hull is relaxed")
	}
}
