package warm

import (
	"errors"
	"math/rand/v2"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/lptest"
	"paspo/lp/interval/relay"
)

// bases returns warm-start bases of a canonical polytope with nothing behind them.
func bases(t testing.TB, p *lp.Polytope, most int) *Solver {
	t.Helper()
	s, err := New(t.Context(), p.Canonical(), most, func() (relay.Solver, error) { return nil, errors.New("nothing is behind") })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s.(*Solver)
}

// Every basis that is kept is proved in rational arithmetic.
func TestKeptBasesAreProved(t *testing.T) {
	polytopes, count := 100, 0
	if testing.Short() {
		polytopes = 10
	}
	for seed := range uint64(polytopes) {
		r := rand.New(rng.New(seed, "kept"))
		p, err := lp.New(lptest.CappedAtRandom(r))
		if err != nil {
			continue
		}
		s := bases(t, p, 200)
		for range 3 {
			lptest.Intervals(s, seed, 8, nil)
		}
		for i := range s.m.suffix {
			for _, e := range s.m.suffix[i].stores {
				for _, b := range *e.bases.Load() {
					if err := b.Verify(); err != nil {
						t.Fatalf("seed %d, entity %d: %v", seed, i, err)
					}
					count++
				}
			}
		}
	}
	if count < polytopes {
		t.Errorf("only %d bases of %d polytopes", count, polytopes)
	}
}

func TestStoreIsBounded(t *testing.T) {
	p := lptest.CappedSimplex(t, 20, 10)
	for _, most := range []int{1, 7} {
		s := bases(t, p, most)
		lptest.Walk(t, s, rand.New(rng.New(1, "bounded")), 200, nil)
		for i := range s.m.suffix {
			for _, e := range s.m.suffix[i].stores {
				if bases, known := len(*e.bases.Load()), len(e.known); bases > most || known != bases {
					t.Fatalf("entity %d keeps %d bases and knows %d, allowed are %d", i, bases, known, most)
				}
			}
		}
		if h := s.Stats(); h.Hits == 0 || h.Misses == 0 {
			t.Errorf("%v", h)
		}
	}
}
