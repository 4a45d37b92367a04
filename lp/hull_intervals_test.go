package lp

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"paspo/internal/race"
	"paspo/internal/rng"
	"paspo/lp/internal/hulltest"
)

// All methods give the intervals of exact arithmetic on the hull without facets, and
// those of the form with rows.
func TestHullIntervals(t *testing.T) {
	race.Skip(t)
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		r := rand.New(rng.New(seed, "intervals"))
		points, kind := hulltest.Points(r)
		bare, rows := bothForms(t, points, math.NaN())
		for _, method := range solverMethods {
			s, err := NewSolver(bare, SolverConfig{Method: method, Workers: 1, MaxBases: 3})
			if err != nil {
				rt.Fatalf("%s, %s: %v", kind, method, err)
			}
			err = walkChecked(s, r, nil, 1)
			s.Close()
			if err != nil {
				rt.Fatalf("%s, %s: %v", kind, method, err)
			}
		}
		s, err := NewSolver(bare, SolverConfig{Method: "lazy", Workers: 1})
		if err != nil {
			rt.Fatal(err)
		}
		defer s.Close()
		byRows, err := NewSolver(rows, SolverConfig{Method: "clp", Workers: 1})
		if err != nil {
			rt.Fatal(err)
		}
		defer byRows.Close()
		if err := sameIntervals(s, byRows, r, nil, nil, 3); err != nil {
			rt.Fatalf("%s: %v", kind, err)
		}
	})
}

// sameIntervals compares chains of two solvers that differ by 1e-9 at most, scaled.
// Entities are taken well inside their intervals: close to the boundary of a hull,
// rounding of one form is a move along the boundary to the other.
func sameIntervals(s, other Solver, r *rand.Rand, limits, otherLimits []Limits, rows int) error {
	n := s.Polytope().Dim()
	lo, hi, a := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	lo2, hi2 := make([]float64, rows), make([]float64, rows)
	c, c2 := s.Chain(rows), other.Chain(rows)
	c.Begin(rows, limits)
	c2.Begin(rows, otherLimits)
	for i := range n {
		if err := errors.Join(c.Next(lo, hi), c2.Next(lo2, hi2)); err != nil {
			return err
		}
		for x := range rows {
			tol := 1e-9 * max(1, math.Abs(lo[x]), math.Abs(hi[x]))
			if math.Abs(lo[x]-lo2[x]) > tol || math.Abs(hi[x]-hi2[x]) > tol {
				return fmt.Errorf("entity %d: [%v, %v], by %s [%v, %v]", i, lo[x], hi[x], other.Method(), lo2[x], hi2[x])
			}
			a[x] = lo[x] + (hi[x]-lo[x])*(0.1+0.8*r.Float64())
		}
		c.Fix(a)
		c2.Fix(a)
	}
	return nil
}

// Hulls beyond the budget are answered lazily, as linear programs over the weights
// answer them; the closed form is refused at once.
func TestHullIntervalsLarge(t *testing.T) {
	race.Skip(t)
	d := drawnPoints(10, 60)
	d.FacetEffort = 100
	p, err := New(d)
	if err != nil {
		t.Fatal(err)
	}
	if !p.HullOnly() {
		t.Fatal("the facets of 60 points in 10 dimensions were found")
	}
	_, err = NewSolver(p, SolverConfig{Method: "explicit", Workers: 1})
	var over *BudgetError
	if !errors.As(err, &over) || over.Entity != "E9" {
		t.Errorf("explicit: error %v", err)
	}
	s, err := NewSolver(p, SolverConfig{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Method() != "lazy" {
		t.Errorf("auto is %s", s.Method())
	}
	c, err := NewSolver(p, SolverConfig{Method: "clp", Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := rand.New(rng.New(1, "large"))
	if err := sameIntervals(s, c, r, nil, nil, 30); err != nil {
		t.Error(err)
	}
	if err := checkMemory(p, 1, 6, nil); err != nil {
		t.Error(err)
	}
	if _, worst := walk(t, s, r, 100, nil); !(worst <= 1e-12) {
		t.Errorf("residual %g of an action", worst)
	}
	if err := walkChecked(s, r, nil, 1); err != nil {
		t.Error(err)
	}
}

// Prefixes outside of the hull are refused, with by how much and what is in conflict.
func TestHullInfeasiblePrefix(t *testing.T) {
	p := bareHull(t)
	_, hi := p.Bounds()
	for _, method := range []string{"lazy", "clp"} {
		s, err := NewSolver(p, SolverConfig{Method: method, Workers: 1})
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
		var e *InfeasibleError
		if err := c.Next(lo, up); !errors.As(err, &e) || !(e.Amount > 1e-3) || len(e.Conflict) == 0 {
			t.Errorf("%s: error %v", method, err)
		}
		s.Close()
	}
}

// BenchmarkHullChains: 10 entities of 60 points an action.
func BenchmarkHullChains(b *testing.B) {
	p := bareHull(b)
	l, u := p.Bounds()
	for name, c := range map[string]struct {
		method string
		limits []Limits
	}{"lazy": {"lazy", nil}, "clp": {"clp", nil}, "bounds": {"lazy", []Limits{{Lower: l, Upper: u}}}} {
		b.Run(name, func(b *testing.B) {
			s, err := NewSolver(p, SolverConfig{Method: c.method, Workers: 1})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			r := rand.New(rng.New(1, "bench"))
			for b.Loop() {
				walk(b, s, r, 1, c.limits)
			}
		})
	}
}
