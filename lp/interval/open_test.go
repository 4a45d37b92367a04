package interval

import (
	"testing"

	"paspo/lp"
)

// fataler is a testing.TB or a *rapid.T.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Cleanup(func())
}

// opened returns a solver that is closed when the test ends.
func opened(t fataler, p *lp.Polytope, c Config) lp.Solver {
	t.Helper()
	s, err := New(p, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// allocatesNothing completes batches of actions under limits that it goes round, nil for the
// polytope's own.
func allocatesNothing(t *testing.T, s lp.Solver, rows int, limits []lp.Limits) {
	t.Helper()
	lo, hi, a := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	c := s.Chain(rows)
	from := 0
	chain := func() {
		if limits == nil {
			c.Begin(rows, nil)
		} else {
			c.Begin(rows, limits[from:from+rows])
			from = (from + rows) % len(limits)
		}
		for range s.Polytope().Dim() {
			if err := c.Next(lo, hi); err != nil {
				t.Fatal(err)
			}
			for x := range a {
				a[x] = lo[x] + (hi[x]-lo[x])*float64(x+1)/float64(rows+1)
			}
			c.Fix(a)
		}
	}
	for range 8 {
		chain()
	}
	if n := testing.AllocsPerRun(20, chain); n > 0 {
		t.Errorf("batches of %d: %v allocations", rows, n)
	}
}
