package basis

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"paspo/internal/exact"
	"paspo/internal/long"
	"paspo/internal/rng"
	_ "paspo/internal/seeded"
	"paspo/lp/internal/vec"
)

// TestAlong goes from one objective to the next while columns are fixed, as the intervals of an
// action do, and compares endpoints and reduced costs with exact arithmetic.
func TestAlong(t *testing.T) {
	long.Test(t)
	kinds := map[string]int{}
	var w Work
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rng.New(rapid.Uint64().Draw(t, "seed"), "along"))
		g, q := randomProgram(r)
		clear(g.C)
		w.Begin(g)
		x, z := make([]float64, g.N), make([]float64, g.N+g.M)
		for range 3 {
			for j := range g.N {
				for _, cost := range []float64{1, -1} {
					if r.IntN(8) == 0 && !w.Renew() {
						t.Fatal("a basis of a search is singular")
					}
					g.C[j] = cost
					want, status := optimum(g, q, 0)
					s := w.Along(q, []int{j}, 0.01)
					ok := s == Solved && w.Feasible(q, 0.01)
					copy(z, w.Reduced())
					least, _ := optimum(g, q, 0.01)
					g.C[j] = 0
					switch {
					case s == Infeasible && status == exact.Optimal && !w.Certified(q):
						kinds["infeasible by rounding"]++
					case s == Infeasible && status == exact.Optimal:
						t.Fatalf("certified, but the value is %v", want)
					case status != exact.Optimal:
						kinds["nothing to solve"]++
					case !ok:
						kinds["not solved"]++
					default:
						w.Columns(q, x)
						// A column whose pivot was too small may be at the wrong bound. Its
						// reduced cost says how far the value is off for that.
						sens, gap := 1., 0.
						for v, f := range z {
							sens += abs(f) * g.Size[v]
							if w.State[v] == Lower && f < 0 || w.State[v] == Upper && f > 0 {
								gap += abs(f) * q.Up[v]
							}
							if w.State[v] == Basic && abs(f) > 1e-13*(1+sens) {
								t.Fatalf("reduced cost %v of a basic variable", f)
							}
						}
						if v := cost * x[j]; v < least-1e-12*sens || v > want+1e-12*sens+gap {
							t.Fatalf("column %d is %v, want %v to %v", j, x[j], cost*least, cost*want)
						}
						if gap > 1e-12*sens {
							kinds["not solved"]++
						} else {
							kinds["solved"]++
						}
					}
				}
				if r.IntN(3) == 0 { // fixed where it is
					w.Columns(q, x)
					if v := x[j]; v >= 0 && v <= q.Up[j] {
						for k := range q.R {
							q.R[k] -= g.A[k*g.N+j] * v
						}
						q.Up[j] = 0
					}
				}
			}
		}
	})
	t.Log(kinds)
	if kinds["solved"] < 10*kinds["not solved"] {
		t.Errorf("too little is solved: %v", kinds)
	}
}

// TestRenew inverts a basis anew, which changes nothing but the rounding of many pivots.
func TestRenew(t *testing.T) {
	r := rand.New(rng.New(2, "renew"))
	var w Work
	pivots := 0
	for range 200 {
		g, q := randomProgram(r)
		clear(g.C)
		w.Begin(g)
		for j := range g.N {
			g.C[j] = 1
			w.Along(q, []int{j}, 0.01)
			g.C[j] = 0
		}
		pivots += w.total
		old := append([]float64(nil), w.inv...)
		if !w.Renew() {
			t.Fatal("a basis of a search is singular")
		}
		for k, v := range w.inv {
			if math.Abs(v-old[k]) > 1e-9*(1+vec.MaxAbs(old)) {
				t.Fatalf("element %d of the inverse is %v, was %v", k, v, old[k])
			}
		}
	}
	if pivots < 200 {
		t.Errorf("%d pivots", pivots)
	}
}
