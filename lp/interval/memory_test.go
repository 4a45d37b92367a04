package interval

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"paspo/internal/long"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/lptest"
	"paspo/lp/interval/warm"
)

// checkMemory compares what a fresh store of bases answers with one that has served before, one that
// has room for hardly any basis, and one that several goroutines use at once.
func checkMemory(p *lp.Polytope, seed uint64, rows int, limits []lp.Limits) error {
	fresh := func(most int) *warm.Solver {
		s, err := New(p, Config{Method: "lazy", Workers: 1, MaxBases: most})
		if err != nil {
			panic(err)
		}
		bases, _ := find[*warm.Solver](s)
		return bases
	}
	s := fresh(200)
	defer s.Close()
	want := lptest.Intervals(s, seed, rows, limits)
	if err := lptest.SameBits(want, lptest.Intervals(s, seed, rows, limits)); err != nil {
		return fmt.Errorf("asked again: %w", err)
	}
	for x := range uint64(3) {
		lptest.Intervals(s, seed+1+x, 4*rows, nil)
	}
	if err := lptest.SameBits(want, lptest.Intervals(s, seed, rows, limits)); err != nil {
		return fmt.Errorf("after other queries: %w", err)
	}
	forgetful := fresh(1)
	defer forgetful.Close()
	if err := lptest.SameBits(want, lptest.Intervals(forgetful, seed, rows, limits)); err != nil {
		return fmt.Errorf("with one basis an endpoint: %w", err)
	}
	shared := fresh(20)
	defer shared.Close()
	errs := make([]error, 4)
	var wait sync.WaitGroup
	for x := range errs {
		wait.Add(1)
		go func() {
			defer wait.Done()
			lptest.Intervals(shared, seed+uint64(x), rows, nil)
			errs[x] = lptest.SameBits(want, lptest.Intervals(shared, seed, rows, limits))
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
	long.Test(t)
	for _, p := range append(lptest.Presets(t), lptest.CappedPortfolio(t, 0.2), lptest.CappedSimplex(t, 20, 10), lptest.CappedSimplex(t, 50, 5)) {
		if err := checkMemory(p, 1, 40, nil); err != nil {
			t.Errorf("%s: %v", p.Name(), err)
		}
	}
}

func TestRandomAnswersHaveNoMemory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		r := rand.New(rng.New(seed, "memory"))
		d := lptest.RandomPolytope(r)
		p, err := lp.New(d)
		if err != nil {
			return
		}
		const rows = 6
		var limits []lp.Limits
		if r.IntN(2) == 0 {
			limits = make([]lp.Limits, rows)
			for x := range rows - 1 {
				limits[x] = lptest.RandomLimits(p, r)
			}
		}
		if err := checkMemory(p, seed, rows, limits); err != nil {
			t.Fatalf("%v\n%+v\n%+v", err, d, limits)
		}
	})
}
