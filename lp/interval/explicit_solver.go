package interval

import (
	"paspo/lp"
)

// explicitSolver answers from the closed form. What the closed form does not
// cover goes to warm-start bases, and to linear programs behind these: limits that it was
// not compiled for, limits that may be empty, and prefixes that left the intervals it
// answered, and ends so steep that rounding shows (see tolerance.Sensitivity).
type explicitSolver struct {
	f      *explicit
	behind successor
}

func newExplicitSolver(f *explicit, behind func() (lp.Solver, error)) *explicitSolver {
	return &explicitSolver{f: f, behind: newSuccessor(behind)}
}

func (s *explicitSolver) Polytope() *lp.Polytope { return s.f.p }

func (s *explicitSolver) Method() string { return "explicit" }

func (s *explicitSolver) Close() error { return s.behind.close() }

// Behind returns the solver behind the closed form, nil until it was needed.
func (s *explicitSolver) Behind() lp.Solver { return s.behind.started() }

// Intervals returns the closed form.
func (s *explicitSolver) Intervals() *explicit { return s.f }

// Covers says which limits of a state the closed form answers: any at all, and any caps.
func (s *explicitSolver) Covers() (limits, caps bool) {
	caps = s.f.anyLimits
	for j, fixed := range s.f.fixed {
		caps = caps && (fixed || s.f.capped[j])
	}
	return s.f.anyLimits, caps
}
