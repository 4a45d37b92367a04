package powerlaw

import (
	"math"
	"math/rand/v2"
	"testing"

	"paspo/internal/rng"
)

// grid is 7 n^p m^q with noise by factors of e^noise, of which what exceeds a limit did
// not end.
func grid(p, q, noise, limit float64, values int) []Cell {
	r := rand.New(rng.New(1, "powerlaw"))
	var cells []Cell
	for _, n := range []float64{3, 10, 30, 100} {
		for _, m := range []float64{1, 5, 20} {
			c := Cell{Sizes: []float64{n, m}}
			for range values {
				v := 7 * math.Pow(n, p) * math.Pow(m, q) * math.Exp(noise*r.NormFloat64())
				if v > limit {
					v = math.Inf(1)
				}
				c.Values = append(c.Values, v)
			}
			cells = append(cells, c)
		}
	}
	return cells
}

func TestExponents(t *testing.T) {
	stream := func() *rng.Stream { return rng.New(2, "bootstrap") }
	exact := Exponents(grid(1.5, -0.25, 0, math.Inf(1), 3), 0.95, stream())
	if math.Abs(exact[0].Estimate-1.5) > 1e-12 || math.Abs(exact[1].Estimate+0.25) > 1e-12 || exact[0].High-exact[0].Low > 1e-12 {
		t.Errorf("without noise: %v", exact)
	}
	for k, want := range []float64{1.5, -0.25} {
		iv := Exponents(grid(1.5, -0.25, 0.5, math.Inf(1), 20), 0.95, stream())[k]
		if !(iv.Low < want && want < iv.High && iv.High-iv.Low < 0.5 && iv.Low < iv.Estimate && iv.Estimate < iv.High) {
			t.Errorf("with noise: %v, want %v within", iv, want)
		}
	}
	// Cells of which a minority did not end have the median that they would have had.
	all, cut := grid(1, 0, 0.3, math.Inf(1), 21), grid(1, 0, 0.3, 7*100*1.5, 21)
	a, b := Exponents(all, 0.95, stream())[0].Estimate, Exponents(cut, 0.95, stream())[0].Estimate
	if a != b {
		t.Errorf("%v where all ended, %v where a few did not", a, b)
	}
}

func TestTooFewCells(t *testing.T) {
	one := []Cell{{Sizes: []float64{3, 5}, Values: []float64{1, 2}}}
	for _, cells := range [][]Cell{
		one,
		{one[0], {Sizes: []float64{5, 5}, Values: []float64{math.Inf(1), math.Inf(1), 3}}},
	} {
		for _, iv := range Exponents(cells, 0.95, rng.New(1)) {
			if !math.IsNaN(iv.Estimate) || !math.IsNaN(iv.Low) {
				t.Errorf("%v from %v", iv, cells)
			}
		}
	}
	// A size that does not vary has no exponent, the other has.
	two := []Cell{{[]float64{2, 5}, []float64{8}}, {[]float64{4, 5}, []float64{32}}, {[]float64{8, 5}, []float64{128}}}
	if p := Exponents(two, 0.95, rng.New(1)); math.Abs(p[0].Estimate-2) > 1e-12 || !math.IsNaN(p[1].Estimate) {
		t.Errorf("%v", p)
	}
	if Exponents(nil, 0.95, rng.New(1)) != nil {
		t.Error("exponents of nothing")
	}
}

func TestMedian(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		values []float64
		want   float64
	}{{[]float64{3, 1, 2}, 2}, {[]float64{4, 1, 2, 3}, 2.5}, {[]float64{1, inf, 2}, 2}, {[]float64{1, inf}, inf}, {[]float64{inf}, inf}} {
		if m := Median(c.values); m != c.want {
			t.Errorf("the median of %v is %v, want %v", c.values, m, c.want)
		}
	}
}
