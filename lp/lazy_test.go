package lp

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"paspo/internal/rng"
)

// intervals completes rows actions and returns all intervals, NaN where there is none.
// Actions are a function of the seed and the intervals before them.
func intervals(s Solver, seed uint64, rows int, limits []Limits) []float64 {
	r := rand.New(rng.New(seed, "intervals"))
	lo, hi, a := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	c := s.Chain(rows)
	c.Begin(rows, limits)
	var all []float64
	for range s.Polytope().Dim() {
		// Errors show as NaN.
		_ = c.Next(lo, hi)
		for x := range a {
			all = append(all, lo[x], hi[x])
			a[x] = choose(r, lo[x], hi[x])
		}
		c.Fix(a)
	}
	return all
}

func sameBits(a, b []float64) error {
	for x := range a {
		if math.Float64bits(a[x]) != math.Float64bits(b[x]) && !(math.IsNaN(a[x]) && math.IsNaN(b[x])) {
			return fmt.Errorf("number %d is %v, then %v: %g apart", x, a[x], b[x], b[x]-a[x])
		}
	}
	return nil
}

// checkMemory compares a fresh store with one that has a history, one that forgets
// all the time, and one that several goroutines use at once.
func checkMemory(p *Polytope, seed uint64, rows int, limits []Limits) error {
	fresh := func(most int) *lazySolver {
		s, err := NewSolver(p, SolverConfig{Method: "lazy", Workers: 1, MaxBases: most})
		if err != nil {
			panic(err)
		}
		return unscaled(s).(*lazySolver)
	}
	s := fresh(200)
	defer s.Close()
	want := intervals(s, seed, rows, limits)
	if err := sameBits(want, intervals(s, seed, rows, limits)); err != nil {
		return fmt.Errorf("asked again: %w", err)
	}
	for x := range uint64(3) {
		intervals(s, seed+1+x, 4*rows, nil)
	}
	if err := sameBits(want, intervals(s, seed, rows, limits)); err != nil {
		return fmt.Errorf("after other queries: %w", err)
	}
	forgetful := fresh(1)
	defer forgetful.Close()
	if err := sameBits(want, intervals(forgetful, seed, rows, limits)); err != nil {
		return fmt.Errorf("with one basis an end: %w", err)
	}
	shared := fresh(20)
	defer shared.Close()
	errs := make([]error, 4)
	var wait sync.WaitGroup
	for x := range errs {
		wait.Add(1)
		go func() {
			defer wait.Done()
			intervals(shared, seed+uint64(x), rows, nil)
			errs[x] = sameBits(want, intervals(shared, seed, rows, limits))
		}()
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("among goroutines: %w", err)
		}
	}
	return nil
}

func TestAnswersHaveNoMemory(t *testing.T) {
	for _, p := range append(presets(t), cappedPortfolio(t, 0.2), cappedSimplex(t, 20, 10), cappedSimplex(t, 50, 5)) {
		if err := checkMemory(p, 1, 40, nil); err != nil {
			t.Errorf("%s: %v", p.Name(), err)
		}
	}
}

func TestRandomAnswersHaveNoMemory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		r := rand.New(rng.New(seed, "memory"))
		d, _ := randomPolytope(r)
		p, err := New(d)
		if err != nil {
			return
		}
		const rows = 6
		var limits []Limits
		if r.IntN(2) == 0 {
			limits = make([]Limits, rows)
			for x := range rows - 1 {
				limits[x] = randomLimits(p, r)
			}
		}
		if err := checkMemory(p, seed, rows, limits); err != nil {
			t.Fatalf("%v\n%+v\n%+v", err, d, limits)
		}
	})
}
