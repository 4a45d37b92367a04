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
	"paspo/lp/internal/lptest"
	"paspo/lp/interval/warm"
)

// TestCaps compares answers of method lazy on capped polytopes with exact arithmetic, and counts where
// CLP differs from them by more than a scaled 1e-9.
func TestCaps(t *testing.T) {
	long.Test(t)
	kinds := map[string]int{}
	worst := math.Inf(-1)
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		r := rand.New(rng.New(seed, "caps"))
		d := lptest.CappedAtRandom(r)
		p, err := lp.New(d)
		if err != nil {
			kinds["no polytope"]++
			return
		}
		solver, err := New(p, Config{Method: "lazy", Workers: 1})
		if err != nil {
			t.Fatalf("%v\n%+v", err, d)
		}
		defer solver.Close()
		s := solver
		if err := lptest.WalkChecked(s, r, nil, 3); err != nil {
			t.Fatalf("%v\n%+v", err, d)
		}
		reference := opened(t, p, Config{Method: "clp", Workers: 1})
		const rows = 4
		lo, hi, a := make([]float64, rows), make([]float64, rows), make([]float64, rows)
		refLo, refHi := make([]float64, rows), make([]float64, rows)
		c, ref := s.Chain(rows), reference.Chain(rows)
		c.Begin(rows, nil)
		ref.Begin(rows, nil)
		actions := make([][]float64, rows)
		for i := range p.Dim() {
			if err := errors.Join(c.Next(lo, hi), ref.Next(refLo, refHi)); err != nil {
				t.Fatalf("entity %d: %v\n%+v", i, err, d)
			}
			for x := range a {
				kinds["intervals"]++
				if math.Abs(lo[x]-refLo[x])/max(1, math.Abs(lo[x])) > 1e-9 || math.Abs(hi[x]-refHi[x])/max(1, math.Abs(hi[x])) > 1e-9 {
					kinds["CLP differs"]++
					if err := lptest.CheckInterval(p, actions[x], nil, lo[x], hi[x]); err != nil {
						t.Fatalf("entity %d after %v: [%v, %v], CLP [%v, %v]: %v\n%+v", i, actions[x], lo[x], hi[x], refLo[x], refHi[x], err, d)
					}
				}
				a[x] = lo[x] + (hi[x]-lo[x])*r.Float64()
				actions[x] = append(actions[x], a[x])
			}
			c.Fix(a)
			ref.Fix(a)
		}
		for _, x := range actions {
			worst = max(worst, p.Residual(x, nil))
		}
		if !(worst <= 1e-9) {
			t.Fatalf("residual %g\n%+v", worst, d)
		}
		bases, _ := find[*warm.Solver](s)
		total := bases.Stats()
		kinds["hits"] += int(total.Hits)
		kinds["misses"] += int(total.Misses)
		kinds["exact"] += int(total.Exact)
		kinds["handed over"] += int(total.HandedOver)
	})
	t.Logf("%v, largest residual %.2g", kinds, worst)
}

// TestCapsHaveNoMemory asks a store of bases that has served before and a new one, which answer the
// same bits.
func TestCapsHaveNoMemory(t *testing.T) {
	long.Test(t)
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		r := rand.New(rng.New(seed, "caps memory"))
		d := lptest.CappedAtRandom(r)
		p, err := lp.New(d)
		if err != nil {
			return
		}
		limits := make([]lp.Limits, 6)
		for x := range 3 {
			limits[x] = lptest.RandomLimits(p, r)
		}
		if err := checkMemory(p, seed, len(limits), limits); err != nil {
			t.Fatalf("%v\n%+v\n%+v", err, d, limits)
		}
	})
}

// TestEmptyState looks at the error of a state whose limits no allocation satisfies: it names the
// rows in conflict.
func TestEmptyState(t *testing.T) {
	p := lptest.CappedPortfolio(t, 0.2)
	s := opened(t, p, Config{Method: "lazy"})
	_, _, names := p.Inequalities()
	upper := slices.Repeat([]float64{0.05}, p.Dim()) // 13 of them do not make 1
	b := slices.Clone(p.Form().B)
	b[1] = -0.25
	lo, hi := make([]float64, 3), make([]float64, 3)
	c := s.Chain(3)
	for _, x := range []struct {
		lim  lp.Limits
		want string
	}{
		{lp.Limits{Upper: upper}, "total = 1"},
		{lp.Limits{B: b}, names[1]},
	} {
		c.Begin(3, []lp.Limits{{}, x.lim, {}})
		var inf *lp.InfeasibleError
		if err := c.Next(lo, hi); !errors.As(err, &inf) {
			t.Fatalf("error %v, want an InfeasibleError", err)
		}
		if inf.Row != 1 || inf.Entity != 0 || !(inf.Amount > 0.01) || !slices.Contains(inf.Conflict, x.want) {
			t.Errorf("%+v, want %s in conflict", inf, x.want)
		}
		if lo[0] != lo[2] || math.IsNaN(lo[0]) || !math.IsNaN(lo[1]) {
			t.Errorf("lower endpoints %v", lo)
		}
	}
}

// TestLimitsAreServed moves b, bounds and budget, and holds the bases to answer.
func TestLimitsAreServed(t *testing.T) {
	long.Test(t)
	for _, p := range []*lp.Polytope{lptest.CappedPortfolio(t, 0.2), lptest.CappedSimplex(t, 20, 10)} {
		solver, err := New(p, Config{Method: "lazy"})
		if err != nil {
			t.Fatal(err)
		}
		s := solver
		r := rand.New(rng.New(5, "served"))
		for range 200 {
			limits := make([]lp.Limits, 8)
			for x := range limits {
				b, u, l := slices.Clone(p.Form().B), slices.Clone(p.Form().U), slices.Clone(p.Form().L)
				for k := range b {
					b[k] += 0.05 * r.Float64()
				}
				for j := range u {
					u[j] *= 1 + 0.5*r.Float64()
					l[j] += 0.01 * r.Float64() / float64(p.Dim())
				}
				limits[x] = lp.Limits{B: b, Upper: u, Lower: l, F: []float64{1 - 0.01*r.Float64()}}
			}
			if _, res := lptest.Walk(t, s, r, len(limits), limits); !(res <= 1e-9) {
				t.Fatalf("%s: residual %g", p.Name(), res)
			}
		}
		if err := lptest.WalkChecked(s, r, []lp.Limits{{B: p.Form().B}, {Upper: p.Form().U}}, 2); err != nil {
			t.Error(err)
		}
		bases, _ := find[*warm.Solver](s)
		total := bases.Stats()
		t.Log(total)
		if total.HandedOver > 0 || bases.Behind() != nil {
			t.Errorf("%s: handed over: %v", p.Name(), total)
		}
		s.Close()
	}
}

func TestWarmChainAllocatesNothing(t *testing.T) {
	allocatesNothing(t, opened(t, lptest.CappedPortfolio(t, 0.2), Config{Method: "lazy"}), 8, nil)
}
