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
	"paspo/lp/internal/hulltest"
	"paspo/lp/internal/lptest"
)

// All methods give the intervals of exact arithmetic on the hull without facets, and
// those of the form with rows.
func TestHullIntervals(t *testing.T) {
	long.Test(t)
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		r := rand.New(rng.New(seed, "intervals"))
		points, kind := hulltest.Points(r)
		bare, rows := lptest.BothForms(t, points, math.NaN())
		for _, method := range solverMethods {
			s, err := New(bare, Config{Method: method, Workers: 1, MaxBases: 3})
			if err != nil {
				rt.Fatalf("%s, %s: %v", kind, method, err)
			}
			err = lptest.WalkChecked(s, r, nil, 1)
			s.Close()
			if err != nil {
				rt.Fatalf("%s, %s: %v", kind, method, err)
			}
		}
		s, err := New(bare, Config{Method: "lazy", Workers: 1})
		if err != nil {
			rt.Fatal(err)
		}
		defer s.Close()
		byRows, err := New(rows, Config{Method: "clp", Workers: 1})
		if err != nil {
			rt.Fatal(err)
		}
		defer byRows.Close()
		if err := lptest.SameIntervals(s, byRows, r, nil, nil, 3); err != nil {
			rt.Fatalf("%s: %v", kind, err)
		}
	})
}

// No interval of a hull leaves the range of its points, by not so much as the last bit.
func TestHullIntervalsWithinPoints(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		r := rand.New(rng.New(seed, "within"))
		points, kind := hulltest.Points(r)
		if r.IntN(3) == 0 {
			points, kind = thinPoints(r), "thin"
		}
		unit := math.Pow(10, 17*r.Float64()-9)
		for i, v := range points { // some are others
			points[i] = slices.Clone(v)
			for j := range v {
				points[i][j] *= unit
			}
		}
		least, most := slices.Clone(points[0]), slices.Clone(points[0])
		for _, v := range points {
			for j, x := range v {
				least[j], most[j] = min(least[j], x), max(most[j], x)
			}
		}
		d := lp.Description{Entities: lptest.Names(len(least)), Total: math.NaN(), Points: points}
		if r.IntN(2) == 0 {
			d.FacetEffort = lp.NoFacets
		}
		p, err := lp.New(d)
		if err != nil {
			rt.Fatalf("%s: %v", kind, err)
		}
		const rows = 20
		lo, hi, a := make([]float64, rows), make([]float64, rows), make([]float64, rows)
		for _, method := range solverMethods {
			s, err := New(p, Config{Method: method, Workers: 1})
			if err != nil {
				rt.Fatalf("%s, %s: %v", kind, method, err)
			}
			c := s.Chain(rows)
			c.Begin(rows, nil)
			for j := range least {
				if err := c.Next(lo, hi); err != nil {
					rt.Fatalf("%s, %s: %v", kind, method, err)
				}
				for x := range rows {
					if !(lo[x] >= least[j] && lo[x] <= hi[x] && hi[x] <= most[j]) {
						rt.Fatalf("%s, %s: [%v, %v] leaves the points' [%v, %v]", kind, method, lo[x], hi[x], least[j], most[j])
					}
					a[x] = lo[x] + (hi[x]-lo[x])*[]float64{0, 1, r.Float64()}[r.IntN(3)]
					a[x] = min(max(a[x], lo[x]), hi[x])
				}
				c.Fix(a)
			}
			s.Close()
		}
	})
}

// Hulls beyond the budget are answered lazily, as linear programs over the weights
// answer them; the closed form is refused at once.
func TestHullIntervalsLarge(t *testing.T) {
	long.Test(t)
	d := lptest.DrawnPoints(10, 60)
	d.FacetEffort = 100
	p, err := lp.New(d)
	if err != nil {
		t.Fatal(err)
	}
	if !p.HullOnly() {
		t.Fatal("the facets of 60 points in 10 dimensions were found")
	}
	_, err = New(p, Config{Method: "explicit", Workers: 1})
	var over *lp.BudgetError
	if !errors.As(err, &over) || over.Entity != "E9" {
		t.Errorf("explicit: error %v", err)
	}
	s := opened(t, p, Config{Workers: 1})
	if s.Method() != "lazy" {
		t.Errorf("auto is %s", s.Method())
	}
	c := opened(t, p, Config{Method: "clp", Workers: 1})
	r := rand.New(rng.New(1, "large"))
	if err := lptest.SameIntervals(s, c, r, nil, nil, 30); err != nil {
		t.Error(err)
	}
	if err := checkMemory(p, 1, 6, nil); err != nil {
		t.Error(err)
	}
	if _, worst := lptest.Walk(t, s, r, 100, nil); !(worst <= 1e-12) {
		t.Errorf("residual %g of an action", worst)
	}
	if err := lptest.WalkChecked(s, r, nil, 1); err != nil {
		t.Error(err)
	}
}

// Prefixes outside of the hull are refused, with by how much and what is in conflict.
func TestHullInfeasiblePrefix(t *testing.T) {
	p := lptest.BareHull(t)
	_, hi := p.Bounds()
	for _, method := range []string{"lazy", "clp"} {
		s, err := New(p, Config{Method: method, Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		c := s.Chain(1)
		c.Begin(1, nil)
		lo, up := make([]float64, 1), make([]float64, 1)
		// The largest share of one and of another entity are of different points.
		for i := range 2 {
			if err := c.Next(lo, up); err != nil {
				t.Fatal(err)
			}
			c.Fix(hi[i : i+1])
		}
		var e *lp.InfeasibleError
		if err := c.Next(lo, up); !errors.As(err, &e) || !(e.Amount > 1e-3) || len(e.Conflict) == 0 {
			t.Errorf("%s: error %v", method, err)
		}
		s.Close()
	}
}

// BenchmarkHullChains: 10 entities of 60 points an action.
func BenchmarkHullChains(b *testing.B) {
	p := lptest.BareHull(b)
	l, u := p.Bounds()
	for name, c := range map[string]struct {
		method string
		limits []lp.Limits
	}{"lazy": {"lazy", nil}, "clp": {"clp", nil}, "bounds": {"lazy", []lp.Limits{{Lower: l, Upper: u}}}} {
		b.Run(name, func(b *testing.B) {
			s := opened(b, p, Config{Method: c.method, Workers: 1})
			r := rand.New(rng.New(1, "bench"))
			for b.Loop() {
				lptest.Walk(b, s, r, 1, c.limits)
			}
		})
	}
}
