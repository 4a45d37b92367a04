package walkforward

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"paspo/lp"
)

// OLMAR-1 and EG hold what their formulas give in rational and decimal arithmetic
// (testdata/record.py).
func TestOnline(t *testing.T) {
	data, err := os.ReadFile("testdata/online.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded struct {
		Prices    [][]float64
		OLMAR, EG [][]float64
	}
	if err := json.Unmarshal(data, &recorded); err != nil {
		t.Fatal(err)
	}
	var growth [][]float64
	for i, row := range recorded.Prices[1:] {
		x := make([]float64, len(row))
		for j := range row {
			x[j] = row[j] / recorded.Prices[i][j]
		}
		growth = append(growth, x)
	}
	p := polytope(t, lp.Description{Entities: []string{"A", "B", "C"}, Total: 1})
	near := func(what string, period int, got, want []float64) {
		t.Helper()
		for i := range want {
			if math.Abs(got[i]-want[i]) > 1e-12 {
				t.Fatalf("%s before period %d is %v, want %v", what, period, got, want)
			}
		}
	}
	g, b, inside := newGradient(3, gradientRate), []float64{1. / 3, 1. / 3, 1. / 3}, 0
	for i := range growth {
		if b, err = revert(p, nil, b, growth[:i], meanWindow); err != nil {
			t.Fatal(err)
		}
		near("OLMAR", i, b, recorded.OLMAR[i])
		if i > 4 && slices.Max(b) < 1 {
			inside++
		}
		if i > 0 {
			g.learn(growth[i-1])
		}
		near("EG", i, g.weights, recorded.EG[i])
	}
	if inside == 0 {
		t.Error("OLMAR holds one asset in all periods")
	}

	// C has fallen most and A less, so that all of C would be held: what its limit leaves is A's.
	d := lp.Description{Entities: []string{"A", "B", "C"}, Total: 1, Upper: []float64{1, 1, 0.6}}
	b, err = revert(polytope(t, d), nil, []float64{0.3, 0.4, 0.3}, [][]float64{{1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0.95, 1, 0.9}}, meanWindow)
	if err != nil {
		t.Fatal(err)
	}
	near("OLMAR within limits", 4, b, []float64{0.4, 0, 0.6})
}
