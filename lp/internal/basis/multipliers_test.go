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

// TestGuessedMultipliers guesses multipliers of rows of ones and halves as rational arithmetic
// finds them, and none where they are no binary fractions or a term rounds.
func TestGuessedMultipliers(t *testing.T) {
	r := rand.New(rng.New(2, "guessed"))
	guesses, others := 0, 0
	for trial := range 500 {
		n := 2 + r.IntN(6)
		b, c, inv := make([]float64, n*n), make([]float64, n), make([]float64, n*n)
		for k := range b {
			b[k] = float64(r.IntN(3)-1) / float64(1+r.IntN(2))
			if trial%5 == 0 && r.IntN(n) == 0 {
				b[k] /= 10
			}
		}
		c[r.IntN(n)] = 1
		p := &Duals{g: &Program{M: n, N: n, A: b, C: c, Equality: make([]bool, n), Size: make([]float64, 2*n), Up: make([]float64, n)}}
		for k := range n {
			p.tight, p.cols = append(p.tight, k), append(p.cols, k)
		}
		var d multipliers
		if !invert(inv, b, n) || d.compute(p, inv) != nil {
			continue
		}
		guess, want := d.guessed(), solveRational(d.b, d.c)
		if guess == nil {
			others++
			continue
		}
		guesses++
		for k, v := range want {
			if v.Cmp(guess[k]) != 0 {
				t.Fatalf("guessed %v, want %v", guess[k], v)
			}
		}
	}
	if guesses < 50 || others < 20 {
		t.Errorf("%d guesses, %d systems without: too few to tell", guesses, others)
	}
}
