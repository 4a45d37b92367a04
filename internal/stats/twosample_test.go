package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"paspo/internal/rng"
)

func TestKolmogorovSmirnov(t *testing.T) {
	for _, c := range []struct {
		x, y []float64
		want float64
	}{
		{[]float64{1, 2, 3}, []float64{3, 1, 2}, 0},
		{[]float64{1, 2}, []float64{3, 4, 5}, 1},
		{[]float64{1, 2, 3, 4}, []float64{2.5, 3.5}, 0.5},
		{[]float64{0, 0, 0, 1}, []float64{0, 1}, 0.25},
	} {
		if d := KolmogorovSmirnov(c.x, c.y); math.Abs(d-c.want) > 1e-15 {
			t.Errorf("%v, %v: %v, want %v", c.x, c.y, d, c.want)
		}
	}
	if d := KolmogorovSmirnov(nil, []float64{1}); !math.IsNaN(d) {
		t.Errorf("%v of no points", d)
	}
}

// E|X-Y| of U(0,1) and U(1,2) is 1, E|X-X'| of each 1/3: (2 - 2/3) / 2 = 2/3.
func TestEnergyDistance(t *testing.T) {
	r := rand.New(rng.New(1, "energy"))
	const n = 3000
	x, y, z := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		x[i], y[i], z[i] = r.Float64(), 1+r.Float64(), r.Float64()
	}
	if d := EnergyDistance(x, y, 1); math.Abs(d-2./3) > 0.02 {
		t.Errorf("%v, want 2/3", d)
	}
	if d := EnergyDistance(x, z, 1); math.Abs(d) > 0.005 {
		t.Errorf("%v between samples of one distribution", d)
	}
	// Points (0,0) and (3,4), each twice: distances 5 between and 0 within.
	if d := EnergyDistance([]float64{0, 0, 0, 0}, []float64{3, 4, 3, 4}, 2); d != 1 {
		t.Errorf("%v between two points, want 1", d)
	}
}

func TestMeanStd(t *testing.T) {
	if m, s := MeanStd([]float64{1, 2, 3, 4}); m != 2.5 || math.Abs(s-math.Sqrt(5./3)) > 1e-15 {
		t.Errorf("%v, %v", m, s)
	}
}
