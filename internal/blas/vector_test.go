package blas_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"paspo/internal/blas"
)

func TestVector(t *testing.T) {
	levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for range 200 {
			rows, n := 1+r.IntN(20), 1+r.IntN(70)
			x, y := random(r, rows*n), random(r, rows*n)
			got, want := make([]float32, rows*n), make([]float64, rows*n) // float64 has no kernels in C

			blas.ReLUGrad(got, x, y)
			blas.ReLUGrad(want, widen(x), widen(y))
			for i := range got {
				if float64(got[i]) != want[i] {
					t.Fatalf("ReLUGrad of %d: element %d is %g, want %g", rows*n, i, got[i], want[i])
				}
			}

			blas.Transpose(1, rows, n, x, n, 0, got, rows, 0)
			blas.Transpose(1, rows, n, widen(x), n, 0, want, rows, 0)
			for i := range got {
				if float64(got[i]) != want[i] {
					t.Fatalf("Transpose of %d x %d: element %d is %g, want %g", rows, n, i, got[i], want[i])
				}
			}

			sums, exact := make([]float32, n), make([]float64, n)
			blas.ColumnSums(sums, x)
			blas.ColumnSums(exact, widen(x))
			for j := range sums {
				if math.Abs(float64(sums[j])-exact[j]) > 1e-5*float64(rows) {
					t.Fatalf("ColumnSums of %d x %d: column %d is %g, want %g", rows, n, j, sums[j], exact[j])
				}
			}

			e := 0.
			for _, v := range widen(x) {
				e += v * v
			}
			if s := blas.SumSquares(x); math.Abs(s-e) > 1e-12*e {
				t.Fatalf("SumSquares is %g, want %g", s, e)
			}
		}
	})
}

func TestAdam(t *testing.T) {
	levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		for _, n := range []int{1, 7, 16, 100, 1001} {
			s := blas.AdamStep{Scale: 0.7, Decay: 1e-3, Beta1: 0.9, Beta2: 0.99, Gain1: 0.1, Gain2: 0.01, Rate: 0.01, RootScale: 1.3, Epsilon: 1e-8}
			w, g, m, v := random(r, n), random(r, n), random(r, n), random(r, n)
			for i := range v {
				v[i] *= v[i]
			}
			scale, decay, beta1, beta2 := float64(s.Scale), float64(s.Decay), float64(s.Beta1), float64(s.Beta2)
			w2, g2, m2, v2 := widen(w), widen(g), widen(m), widen(v)
			for i := range w2 {
				d := scale*g2[i] + decay*w2[i]
				m2[i] = beta1*m2[i] + float64(s.Gain1)*d
				v2[i] = beta2*v2[i] + float64(s.Gain2)*d*d
				w2[i] -= float64(s.Rate) * m2[i] / (math.Sqrt(v2[i])*float64(s.RootScale) + float64(s.Epsilon))
			}
			if !blas.Adam(&s, w, g, m, v) {
				t.Fatal("finite parameters are reported as not finite")
			}
			for i := range w {
				for name, x := range map[string][2]float64{"parameter": {float64(w[i]), w2[i]}, "mean": {float64(m[i]), m2[i]}, "square": {float64(v[i]), v2[i]}} {
					if !(math.Abs(x[0]-x[1]) <= 1e-6) {
						t.Fatalf("n = %d: %s %d is %g, want %g", n, name, i, x[0], x[1])
					}
				}
			}
			g[n/2] = float32(math.Inf(1))
			if blas.Adam(&s, w, g, m, v) {
				t.Errorf("n = %d: a parameter that is not finite goes unnoticed", n)
			}
		}
	})
}
