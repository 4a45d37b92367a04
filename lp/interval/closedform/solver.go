package closedform

import (
	"paspo/lp"
	"paspo/lp/interval/relay"
)

// Solver answers from the closed form. What the closed form does not cover goes to
// warm-start bases, and to linear programs behind these: limits that it was not compiled
// for, limits that may be empty, prefixes outside of the intervals that it answered, and
// endpoints so ill-conditioned that rounding shows (see tolerance.Sensitivity).
type Solver struct {
	f      *Intervals
	behind relay.Successor
}

func New(f *Intervals, behind func() (relay.Solver, error)) *Solver {
	return &Solver{f: f, behind: relay.NewSuccessor(behind)}
}

func (s *Solver) Polytope() *lp.Polytope { return s.f.p }

func (s *Solver) Method() string { return "explicit" }

func (s *Solver) Close() error { return s.behind.Close() }

// Behind returns the solver behind the closed form, nil until it was needed.
func (s *Solver) Behind() lp.Solver { return s.behind.Started() }

// Intervals returns the closed form.
func (s *Solver) Intervals() *Intervals { return s.f }

// Covers says which limits of a state the closed form answers: any at all, and any caps.
func (s *Solver) Covers() (limits, caps bool) {
	caps = s.f.AnyLimits
	for j, fixed := range s.f.Fixed {
		caps = caps && (fixed || s.f.capped[j])
	}
	return s.f.AnyLimits, caps
}
