package uniform

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"paspo/internal/long"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/lptest"
)

// With uniform steps a walk gives uniform points: shares of a simplex with caps have
// their known distribution. Ends of chords are feasible.
func TestWalk(t *testing.T) {
	long.Test(t)
	const n, most, points = 6, 0.4, 20_000
	p := lptest.New(t, lp.Description{Entities: lptest.Names(n), Total: 1, Upper: slices.Repeat([]float64{most}, n)})
	w, err := NewWalk(p)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rng.New(1))
	a, x, share := make([]float64, n), make([]float64, n), make([]float64, points)
	for i := range points {
		if i%64 == 0 {
			copy(x, w.Point())
			if !w.Enter(x) {
				t.Fatal("a point of the walk is not inside")
			}
		}
		for range 2 { // sweeps from point to point
			basis := r.IntN(w.Bases())
			for k := range w.Dim() {
				_, _, lo, hi := w.Chord(basis, k)
				if lo > 0 || hi < 0 || math.IsInf(hi-lo, 0) {
					t.Fatalf("a chord from %g to %g", lo, hi)
				}
				w.Move(basis, k, lo+(hi-lo)*r.Float64())
			}
		}
		if w.Allocation(w.Point(), a); !(p.Residual(a, nil) <= 1e-12) {
			t.Fatalf("%v has a residual of %g", a, p.Residual(a, nil))
		}
		share[i] = a[0]
	}
	// Points a sweep or two apart are not independent: the bound is that of a quarter of them.
	if ks := distance(share, cappedShare(n, most)); ks > 1.95/math.Sqrt(points/4) {
		t.Errorf("KS distance %.4f, %.4f allowed", ks, 1.95/math.Sqrt(points/4))
	}
	copy(x, w.Point())
	x[0], x[1] = x[0]+1, x[1]-1
	if w.Enter(x) {
		t.Error("a point beyond a bound is inside")
	}
}
