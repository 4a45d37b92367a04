package uniform

import (
	"math"
	"testing"

	"paspo/internal/long"
	"paspo/internal/rng"
	"paspo/lp"
)

// TestTermsUniform draws from polytopes with convex terms by both methods, and holds them to
// points of a triangle and of a cross-polytope whose moments are known.
func TestTermsUniform(t *testing.T) {
	long.Test(t)
	inf := math.Inf(1)
	cross := func(n int) lp.Description {
		d := lp.Description{Total: math.NaN()}
		row := lp.Row{Name: "magnitudes", Coef: make([]float64, n), Min: -inf, Max: 1}
		for j := range n {
			d.Entities = append(d.Entities, string(rune('A'+j)))
			d.Lower, d.Upper = append(d.Lower, -inf), append(d.Upper, inf)
			row.Terms = append(row.Terms, lp.Term{Entity: j, Above: 1, Below: 1, From: float64(j)})
		}
		d.Rows = []lp.Row{row}
		return d
	}
	for _, n := range []int{2, 5} {
		p, err := lp.New(cross(n))
		if err != nil {
			t.Fatal(err)
		}
		for _, method := range []string{Rejection, HitAndRun} {
			c := DefaultConfig()
			c.Method, c.Workers = method, 1
			s, err := New(p, c)
			if err != nil {
				t.Fatal(err)
			}
			const count = 20_000
			x, report, err := s.Sample(count, rng.New(1, "terms"))
			if err != nil {
				t.Fatal(err)
			}
			// Of |a_1| + .. + |a_n| <= 1 the mean square of one is 2 / ((n+1)(n+2)), and the n-th power of
			// the sum of magnitudes is uniform.
			square, want := 0., 2/float64((n+1)*(n+2))
			mean := make([]float64, n)
			power := 0.
			for i := range count {
				sum := 0.
				for j, v := range x[i*n : (i+1)*n] {
					v -= float64(j)
					mean[j] += v / count
					square += v * v / float64(count*n)
					sum += math.Abs(v)
				}
				power += math.Pow(sum, float64(n)) / count
			}
			slack := 6 / math.Sqrt(count)
			if method == HitAndRun {
				slack *= 2 // half as many count
			}
			if math.Abs(square/want-1) > 2*slack || math.Abs(power-0.5) > slack {
				t.Errorf("%d entities, %v: mean square %v, want %v; mean of what is uniform %v", n, report, square, want, power)
			}
			for j, v := range mean {
				if math.Abs(v) > slack*math.Sqrt(want) {
					t.Errorf("%d entities, %v: mean of %d is off by %v", n, report, j, v)
				}
			}
		}
	}
	share, err := FeasibleShare(t.Context(), mustNew(t, cross(2)), 20_000, rng.New(2, "terms"))
	if err != nil || math.Abs(share.Estimate-0.5) > 0.02 {
		t.Errorf("share %v of the square around it, want half: %v", share, err)
	}
	if _, err := NewWalk(mustNew(t, cross(2))); err == nil {
		t.Error("a walk goes by rows alone")
	}
}

func mustNew(t *testing.T, d lp.Description) *lp.Polytope {
	t.Helper()
	p, err := lp.New(d)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
