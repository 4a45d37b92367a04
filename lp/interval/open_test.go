package interval

import "paspo/lp"

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
