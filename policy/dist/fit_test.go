package dist

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"paspo/internal/rng"
)

// The exact moments of a Beta give that Beta back.
func TestFitBetaRoundTrip(t *testing.T) {
	check := func(t rapid.TB, d Beta) {
		got, err := FitBeta(d.MeanLogs())
		if err != nil {
			t.Fatalf("%v: %v", d, err)
		}
		// A relative error e of the moments moves large shapes by about s e.
		tol := 1e-10 + 1e-14*(d.Alpha+d.Beta)
		if math.Abs(got.Alpha/d.Alpha-1) > tol || math.Abs(got.Beta/d.Beta-1) > tol {
			t.Fatalf("fitted %v to the moments of %v", got, d)
		}
	}
	grid := []float64{1e-3, 0.03, 0.5, 1, 1.7, 12, 300, 1e4, 1e5}
	for _, a := range grid {
		for _, b := range grid {
			check(t, Beta{a, b})
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		check(t, Beta{
			math.Exp(rapid.Float64Range(-7, 11.5).Draw(t, "ln alpha")),
			math.Exp(rapid.Float64Range(-7, 11.5).Draw(t, "ln beta")),
		})
	})
}

func TestFitBetaToPoints(t *testing.T) {
	const n = 200_000
	want := Beta{1.3, 4.2}
	r := rand.New(rng.New(3))
	var g, h float64
	for range n {
		_, lnX, ln1mX := want.Rand(r)
		g += lnX / n
		h += ln1mX / n
	}
	got, err := FitBeta(g, h)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(got.Alpha/want.Alpha-1) > 0.015 || math.Abs(got.Beta/want.Beta-1) > 0.015 {
		t.Errorf("fitted %v to points of %v", got, want)
	}
}

func TestFitBetaDegenerate(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range [][2]float64{
		{math.Log(0.3), math.Log(0.7)}, // all points at 0.3
		{math.Log(0.5), math.Log(0.5)},
		{-0.1, -0.1}, // beyond what Jensen's inequality allows
		{0, -1}, {-1, 0}, {0.1, -1}, {-inf, -1}, {-1, -inf}, {nan, -1}, {-1, nan},
		{math.Log(1e-8), math.Log1p(-1e-8)},
	} {
		if d, err := FitBeta(c[0], c[1]); err == nil {
			t.Errorf("FitBeta(%g, %g) = %v, want an error", c[0], c[1], d)
		}
	}
}

func BenchmarkFitBeta(b *testing.B) {
	g, h := Beta{1.3, 4.2}.MeanLogs()
	for b.Loop() {
		if _, err := FitBeta(g, h); err != nil {
			b.Fatal(err)
		}
	}
}
