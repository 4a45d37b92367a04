package basis

import (
	"math/rand/v2"
	"testing"

	"paspo/internal/rng"
)

// TestZerosAreProved finds multipliers that are exactly 0, because a block of the basis determines the
// others, without rational arithmetic, and so the reduced costs of columns that are there twice.
func TestZerosAreProved(t *testing.T) {
	r := rand.New(rng.New(1, "zeros"))
	for range 200 {
		n := 2 + r.IntN(8)
		zeros := 1 + r.IntN(n-1) // rows, and columns, of the block without costs
		g := &Program{
			M: n, N: n + 1, A: make([]float64, n*(n+1)), C: make([]float64, n+1), Equality: make([]bool, n),
			Size: make([]float64, 2*n+1), Up: make([]float64, n+1),
		}
		rows, cols := r.Perm(n), r.Perm(n)
		for x, k := range rows {
			for y, j := range cols {
				if x < zeros || y >= zeros {
					g.A[k*g.N+j] = r.NormFloat64()
				}
			}
			g.A[k*g.N+n] = g.A[k*g.N+cols[n-1]]
		}
		g.C[cols[n-1]], g.C[n] = 1, 1
		p := &Duals{g: g}
		b, c := make([]float64, n*n), make([]float64, n)
		for k := range n {
			p.tight, p.cols = append(p.tight, k), append(p.cols, k)
			copy(b[k*n:], g.A[k*g.N:][:n])
			c[k] = g.C[k]
		}
		inv := make([]float64, n*n)
		if !invert(inv, b, n) {
			continue
		}
		var d multipliers
		if err := d.compute(p, inv); err != nil {
			continue
		}
		if d.exact != nil {
			t.Fatalf("rational arithmetic for %d rows, %d of them without multipliers", n, zeros)
		}
		for k, v := range solveRational(b, c) {
			if want, _ := v.Float64(); p.y[k] != want {
				t.Fatalf("multiplier %v, want %v", p.y[k], want)
			}
		}
		for _, k := range rows[:zeros] {
			if p.y[k] != 0 {
				t.Fatalf("multiplier %v, want 0", p.y[k])
			}
		}
		if p.z[n] != 0 {
			t.Fatalf("reduced cost %v of a column that is basic, too", p.z[n])
		}
	}
}
