//go:build openblas

package openblas

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"paspo/internal/blas"
)

func problem(m, n, k int) (p blas.Product, a, b, c []float32) {
	const count = 12
	r := rand.New(rand.NewPCG(1, 1))
	random := func(size int) []float32 {
		x := make([]float32, size)
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		return x
	}
	p = blas.Product{
		Count: count, M: m, N: n, K: k, A: blas.Strides{Row: count * k, Col: 1, Batch: k},
		B: blas.Strides{Row: n, Batch: k * n}, C: blas.Strides{Row: count * n, Batch: n},
	}
	return p, random(count * m * k), random(count * k * n), make([]float32, count*m*n)
}

var sizes = [][3]int{{64, 32, 32}, {64, 2, 32}, {512, 32, 32}, {64, 128, 128}, {512, 256, 256}}

func TestSame(t *testing.T) {
	for _, s := range sizes {
		p, a, b, c := problem(s[0], s[1], s[2])
		d := make([]float32, len(c))
		blas.Mul(&p, a, b, nil, c)
		Mul(&p, a, b, d)
		for i := range c {
			if math.Abs(float64(c[i]-d[i])) > 1e-4*math.Sqrt(float64(s[2])) {
				t.Fatalf("%v: element %d is %g and %g", s, i, c[i], d[i])
			}
		}
	}
}

func BenchmarkMul(b *testing.B) {
	for _, s := range sizes {
		p, x, y, c := problem(s[0], s[1], s[2])
		for _, lib := range []struct {
			name string
			mul  func()
		}{
			{"ours", func() { blas.Mul(&p, x, y, nil, c) }},
			{"openblas", func() { Mul(&p, x, y, c) }},
		} {
			b.Run(fmt.Sprintf("%dx%dx%d/%s", s[0], s[1], s[2], lib.name), func(b *testing.B) {
				for b.Loop() {
					lib.mul()
				}
				b.ReportMetric(float64(2*p.Count*s[0]*s[1]*s[2])*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
