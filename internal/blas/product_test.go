package blas_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"paspo/internal/blas"
)

// levels runs f at every level of instructions that the machine has.
func levels(t *testing.T, f func(t *testing.T)) {
	defer blas.Use(blas.Auto)
	for _, name := range blas.Levels()[1:] {
		if blas.Use(name) == nil {
			t.Run(name, f)
		}
	}
}

func random(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func widen(x []float32) []float64 {
	if x == nil {
		return nil
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func TestMul(t *testing.T) {
	levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for trial := range 600 {
			p := blas.Product{
				Count: 1 + r.IntN(3), M: 1 + r.IntN(40), N: 1 + r.IntN(70), K: r.IntN(40),
				KGrow: r.IntN(3), NGrow: r.IntN(3), Accumulate: r.IntN(2) == 0, ReLU: r.IntN(2) == 0,
			}
			kMax, nMax := p.K+(p.Count-1)*p.KGrow, p.N+(p.Count-1)*p.NGrow
			if r.IntN(2) == 0 {
				p.A = blas.Strides{Row: kMax + r.IntN(3), Col: 1}
				p.A.Batch = p.M * p.A.Row
			} else {
				p.A = blas.Strides{Row: 1, Col: p.M + r.IntN(3)}
				p.A.Batch = kMax * p.A.Col
			}
			p.B = blas.Strides{Row: nMax + r.IntN(3)}
			p.B.Batch = kMax * p.B.Row
			// Results of a batch side by side, as the heads have them.
			p.C = blas.Strides{Row: p.Count*nMax + r.IntN(3), Batch: nMax}
			p.Bias = nMax
			a, b := random(r, p.Count*p.A.Batch+1), random(r, p.Count*p.B.Batch+1)
			var bias []float32
			if r.IntN(2) == 0 {
				bias = random(r, p.Count*nMax)
			}
			c := random(r, p.M*p.C.Row)
			want := widen(c)
			blas.Mul(&p, widen(a), widen(b), widen(bias), want) // float64 has no kernels in C

			// Exact ends of the slices: a read or write beyond them is a defect
			// that the race detector or the checks of bounds would not see.
			blas.Mul(&p, a, b, bias, c)
			for i, x := range c {
				if math.Abs(float64(x)-want[i]) > 1e-5*float64(1+kMax) {
					t.Fatalf("trial %d, %+v: element %d is %g, want %g", trial, p, i, x, want[i])
				}
			}
		}
	})
}

// A row has the same bits whatever rows are computed with it.
func TestMulRowsAreIndependent(t *testing.T) {
	levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		for range 50 {
			m, n, k := 1+r.IntN(40), 1+r.IntN(40), 1+r.IntN(50)
			a, b, bias := random(r, m*k), random(r, k*n), random(r, n)
			p := blas.Product{Count: 1, M: m, N: n, K: k, A: blas.Strides{Row: k, Col: 1}, B: blas.Strides{Row: n}, C: blas.Strides{Row: n}}
			all := make([]float32, m*n)
			blas.Mul(&p, a, b, bias, all)

			// Split anywhere, and the sum over k in two parts.
			s, ks := r.IntN(m+1), r.IntN(k+1)
			parts := make([]float32, m*n)
			for _, rows := range [][2]int{{0, s}, {s, m}} {
				q := p
				q.M = rows[1] - rows[0]
				if q.M == 0 {
					continue
				}
				ar, cr := a[rows[0]*k:], parts[rows[0]*n:]
				q.K = ks
				blas.Mul(&q, ar, b, nil, cr)
				q.K, q.Accumulate = k-ks, true
				if q.K > 0 {
					blas.Mul(&q, ar[ks:], b[ks*n:], bias, cr)
				} else {
					blas.Mul(&q, nil, nil, bias, cr)
				}
			}
			for i := range all {
				if all[i] != parts[i] {
					t.Fatalf("%d x %d x %d split at row %d and term %d: element %d is %v and %v", m, n, k, s, ks, i, all[i], parts[i])
				}
			}
		}
	})
}

func TestMulKeepsNaN(t *testing.T) {
	levels(t, func(t *testing.T) {
		nan := float32(math.NaN())
		c := make([]float32, 3)
		p := blas.Product{Count: 1, M: 1, N: 3, K: 1, A: blas.Strides{Row: 1, Col: 1}, B: blas.Strides{Row: 3}, C: blas.Strides{Row: 3}, ReLU: true}
		blas.Mul(&p, []float32{1}, []float32{nan, -1, 2}, nil, c)
		if c[0] == c[0] || c[1] != 0 || c[2] != 2 {
			t.Errorf("max(0, [NaN -1 2]) is %v", c)
		}
	})
}

func TestMulPanicsOnShortSlices(t *testing.T) {
	p := blas.Product{Count: 2, M: 3, N: 4, K: 5, A: blas.Strides{5, 1, 15}, B: blas.Strides{4, 1, 20}, C: blas.Strides{4, 1, 12}, Bias: 4}
	full := [4]int{30, 40, 8, 24}
	for i := range full {
		n := full
		n[i]--
		func() {
			defer func() {
				if recover() != "blas: bad length of a slice" {
					t.Errorf("slice %d one short: no panic", i)
				}
			}()
			blas.Mul(&p, make([]float32, n[0]), make([]float32, n[1]), make([]float32, n[2]), make([]float32, n[3]))
		}()
	}
}

var sizes = [][3]int{{64, 32, 32}, {64, 2, 32}, {512, 32, 32}, {64, 128, 128}, {512, 256, 256}}

func BenchmarkMul(b *testing.B) {
	for _, s := range sizes {
		m, n, k := s[0], s[1], s[2]
		b.Run(fmt.Sprintf("%dx%dx%d", m, n, k), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 1))
			x, y, c := random(r, 12*m*k), random(r, 12*k*n), make([]float32, 12*m*n)
			p := blas.Product{Count: 12, M: m, N: n, K: k, A: blas.Strides{Row: 12 * k, Col: 1, Batch: k},
				B: blas.Strides{Row: n, Batch: k * n}, C: blas.Strides{Row: 12 * n, Batch: n}}
			b.ReportAllocs()
			for b.Loop() {
				blas.Mul(&p, x, y, nil, c)
			}
			b.ReportMetric(float64(2*12*m*n*k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
