package interval

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"paspo/internal/long"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/lp/internal/lptest"
	"paspo/lp/interval/closedform"
)

func TestRandomLimits(t *testing.T) {
	long.Test(t)
	kinds := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		if err := checkRandomLimits(rapid.Uint64().Draw(t, "seed"), kinds); err != nil {
			t.Fatal(err)
		}
	})
	t.Log(kinds)
}

// What TestRandomLimits found.
func TestRandomLimitsKept(t *testing.T) {
	for _, seed := range []uint64{
		0x118ff95, // an endpoint that moves by 3e7 times what limits do, after a prefix that violates them by 1e-13
		0x102df4,  // equalities that determine an entity twice, once through coefficients of 0.003 and 0.6
	} {
		if err := checkRandomLimits(seed, map[string]int{}); err != nil {
			t.Errorf("%#x: %v", seed, err)
		}
	}
}

// checkRandomLimits completes actions of a random polytope under random limits
// and its own.
func checkRandomLimits(seed uint64, kinds map[string]int) error {
	r := rand.New(rng.New(seed, "limits"))
	d := lptest.RandomPolytope(r)
	p, err := lp.New(d)
	if err != nil {
		return nil
	}
	limits := fourStates(p, r, lptest.RandomLimits)
	return checkMethods(solverMethods, p, d, r, limits, len(limits), func(_ string, s lp.Solver) error {
		if _, ok := find[*closedform.Solver](s); ok {
			c := s.Chain(len(limits))
			c.Begin(len(limits), limits)
			left, _ := inner(c).Handed()
			kinds["rows left by the closed form"] += len(left)
			kinds["rows"] += len(limits)
		}
		return nil
	})
}

// TestRandomPrefixes fixes prefixes that need not be feasible. Both solvers must
// agree on which are, and the amount must be the least that helps.
func TestRandomPrefixes(t *testing.T) {
	kinds := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		r := rand.New(rng.New(seed, "prefixes"))
		d := lptest.RandomPolytope(r)
		p, err := lp.New(d)
		if err != nil || p.Dim() == 1 {
			return
		}
		chains := beginAll(t, solverMethods, p, nil)
		var prefix []float64
		for i := range p.Dim() {
			lo, hi := make([][]float64, len(chains)), make([][]float64, len(chains))
			errs := make([]error, len(chains))
			for k, c := range chains {
				lo[k], hi[k] = []float64{0}, []float64{0}
				errs[k] = c.Next(lo[k], hi[k])
			}
			for k := range errs {
				if (errs[0] == nil) != (errs[k] == nil) {
					t.Fatalf("entity %d after %v: %s %v, %s %v\n%+v", i, prefix, solverMethods[0], errs[0], solverMethods[k], errs[k], d)
				}
			}
			if errs[0] != nil {
				kinds["infeasible"]++
				for _, err := range errs {
					var inf *lp.InfeasibleError
					if !errors.As(err, &inf) {
						t.Fatal(err)
					}
					if inf.Entity != i || inf.Row != 0 {
						t.Fatalf("%+v of entity %d", inf, i)
					}
					if !(inf.Amount > 1e-6) {
						t.Fatalf("amount %v", inf.Amount)
					}
					// The bounds of the prefix count as well, and ExactInterval
					// does not know them.
					outside := 0.
					for j, a := range prefix {
						outside = max(outside, (p.Form().L[j]-a)/max(p.Form().Size[j], math.Abs(a)), (a-p.Form().U[j])/max(p.Form().Size[j], math.Abs(a)))
					}
					if _, _, ok := lptest.ExactInterval(p, prefix, nil, inf.Amount*1.0001); !ok {
						t.Fatalf("amount %v is not enough for %v\n%+v", inf.Amount, prefix, d)
					}
					if _, _, ok := lptest.ExactInterval(p, prefix, nil, inf.Amount*0.9999); ok && outside < inf.Amount*0.9999 {
						t.Fatalf("amount %v is not the least for %v\n%+v", inf.Amount, prefix, d)
					}
				}
				return
			}
			for k := range chains {
				if err := insideRelaxed(p, prefix, nil, lo[k][0], hi[k][0]); err != nil {
					t.Fatalf("%d: %v\n%+v", k, err, d)
				}
			}
			a, _ := chooseAbout(r, lo[0][0], hi[0][0])
			prefix = append(prefix, a)
			for _, c := range chains {
				c.Fix([]float64{a})
			}
		}
		kinds["feasible"]++
	})
	t.Log(kinds)
}

func TestBadLimits(t *testing.T) {
	p, err := constraints.Preset("portfolio", 0)
	if err != nil {
		t.Fatal(err)
	}
	n := p.Dim()
	nan := make([]float64, n)
	nan[2] = math.NaN()
	crossed := make([]float64, n)
	crossed[1] = -1
	for _, method := range solverMethods {
		s, err := New(p, Config{Method: method})
		if err != nil {
			t.Fatal(err)
		}
		lo, hi := make([]float64, 3), make([]float64, 3)
		c := s.Chain(3)
		c.Begin(3, []lp.Limits{{}, {Lower: nan}, {Upper: crossed}})
		if err := c.Next(lo, hi); err == nil {
			t.Errorf("%s: no error for a NaN", method)
		}
		if lo[0] != 0 || math.IsNaN(hi[0]) || !math.IsNaN(lo[1]) || !math.IsNaN(lo[2]) {
			t.Errorf("%s: %v, %v", method, lo, hi)
		}
		// Limits that no allocation satisfies.
		c.Begin(1, []lp.Limits{{Upper: make([]float64, n)}})
		var inf *lp.InfeasibleError
		if err := c.Next(lo, hi); !errors.As(err, &inf) {
			t.Errorf("%s: error %v, want an InfeasibleError", method, err)
		}
		// After an error the chain answers as a new one does.
		c.Begin(2, nil)
		if err := c.Next(lo, hi); err != nil || lo[1] != 0 {
			t.Errorf("%s: %v", method, err)
		}
		// A NaN that was fixed.
		c.Fix([]float64{math.NaN(), 0})
		if err := c.Next(lo, hi); !errors.As(err, &inf) || inf.Row != 0 || !math.IsNaN(lo[0]) || math.IsNaN(lo[1]) {
			t.Errorf("%s: %v, %v", method, err, lo)
		}
		s.Close()
	}
}

// Limits of a state take the place of a polytope's rows, also where it was described by
// points beside them: what it then holds is more than the points reach.
func TestLimitsReachBeyondPoints(t *testing.T) {
	p, err := constraints.Preset("synthetic", 0)
	if err != nil {
		t.Fatal(err)
	}
	lim := lp.Limits{B: slices.Clone(p.Form().B)}
	for k := range lim.B {
		lim.B[k] += 0.3 * (1 + math.Abs(lim.B[k]))
	}
	cost := make([]float64, p.Dim())
	cost[0] = -1
	_, least, err := p.Minimize(cost, &lim)
	if err != nil {
		t.Fatal(err)
	}
	if _, of, _ := lp.BoundingBox(p); -least < of[0]+0.05 {
		t.Fatalf("limits let the first entity reach %g, the points %g", -least, of[0])
	}
	for _, method := range solverMethods {
		s, err := New(p, Config{Method: method, Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		c := s.Chain(1)
		c.Begin(1, []lp.Limits{lim})
		lo, hi := []float64{0}, []float64{0}
		if err := c.Next(lo, hi); err != nil || math.Abs(hi[0]+least) > 1e-9 {
			t.Errorf("%s: the first entity reaches %g, not %g (%v)", method, hi[0], -least, err)
		}
		s.Close()
	}
}
