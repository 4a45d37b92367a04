package blas

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestVector(t *testing.T) {
	levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for range 200 {
			rows, n := 1+r.IntN(20), 1+r.IntN(70)
			x, y := random(r, rows*n), random(r, rows*n)
			got, want := make([]float32, rows*n), make([]float32, rows*n)

			ReLUGrad(got, x, y)
			reluGradPortable(want, x, y)
			for i := range got {
				if got[i] != want[i] {
					t.Fatalf("ReLUGrad of %d: element %d is %g, want %g", rows*n, i, got[i], want[i])
				}
			}

			Transpose(1, rows, n, x, n, 0, got, rows, 0)
			transposePortable(1, rows, n, x, n, 0, want, rows, 0)
			for i := range got {
				if got[i] != want[i] {
					t.Fatalf("Transpose of %d x %d: element %d is %g, want %g", rows, n, i, got[i], want[i])
				}
			}

			sums, exact := make([]float32, n), make([]float64, n)
			ColumnSums(sums, x)
			columnSumsPortable(exact, widen(x))
			for j := range sums {
				if math.Abs(float64(sums[j])-exact[j]) > 1e-5*float64(rows) {
					t.Fatalf("ColumnSums of %d x %d: column %d is %g, want %g", rows, n, j, sums[j], exact[j])
				}
			}

			if s, e := SumSquares(x), sumSquaresPortable(x); math.Abs(s-e) > 1e-12*e {
				t.Fatalf("SumSquares is %g, want %g", s, e)
			}
		}
	})
}

func TestAdam(t *testing.T) {
	levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		for _, n := range []int{1, 7, 16, 100, 1001} {
			s := AdamStep{Scale: 0.7, Decay: 1e-3, Beta1: 0.9, Beta2: 0.99, Gain1: 0.1, Gain2: 0.01, Rate: 0.01, RootScale: 1.3, Epsilon: 1e-8}
			w, g, m, v := random(r, n), random(r, n), random(r, n), random(r, n)
			for i := range v {
				v[i] *= v[i]
			}
			w2, m2, v2 := append([]float32(nil), w...), append([]float32(nil), m...), append([]float32(nil), v...)
			if !Adam(&s, w, g, m, v) || !adamPortable(&s, w2, g, m2, v2) {
				t.Fatal("finite parameters are reported as not finite")
			}
			for i := range w {
				if d := math.Abs(float64(w[i] - w2[i])); d > 1e-6 {
					t.Fatalf("n = %d: parameter %d is %g, want %g", n, i, w[i], w2[i])
				}
				if m[i]-m2[i] > 1e-6 || v[i]-v2[i] > 1e-6 {
					t.Fatalf("n = %d: moments %d are %g %g, want %g %g", n, i, m[i], v[i], m2[i], v2[i])
				}
			}
			g[n/2] = float32(math.Inf(1))
			if Adam(&s, w, g, m, v) {
				t.Errorf("n = %d: a parameter that is not finite goes unnoticed", n)
			}
		}
	})
}
