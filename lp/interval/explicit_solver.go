package interval

import (
	"errors"

	"paspo/lp"
)

// explicitSolver answers from the closed form. What the closed form does not
// cover goes to warm-start bases, and to linear programs behind these: limits that it was
// not compiled for, limits that may be empty, and prefixes that left the intervals it
// answered, and ends so steep that rounding shows (see tolerance.Sensitivity).
type explicitSolver struct {
	f      *explicit
	cfg    Config
	behind successor
}

func newExplicitSolver(f *explicit, cfg Config, behind func() (lp.Solver, error)) *explicitSolver {
	return &explicitSolver{f: f, cfg: cfg, behind: successor{open: behind}}
}

func (s *explicitSolver) Polytope() *lp.Polytope { return s.f.p }

func (s *explicitSolver) Method() string { return "explicit" }

func (s *explicitSolver) Close() error { return s.behind.close() }

// Describe says how s computes intervals. Where limits follow the state, lim are those of
// one, some of which the closed form may leave to others; else nil.
func Describe(s lp.Solver, lim *lp.Limits) string {
	if p := s.Polytope(); lim != nil && lim.A != nil && !p.HullOnly() && s.Method() != "clp" && !tooManyRows(p) {
		return "dual simplex, since the matrix follows the state"
	}
	x, ok := unscaled(s).(*explicitSolver)
	if !ok || lim == nil {
		return s.Method()
	}
	others := "lazy"
	if tooManyRows(x.f.p) {
		others = "linear programs"
	}
	if !x.f.anyLimits {
		return "explicit, " + others + " where limits follow the state"
	}
	for j, fixed := range x.f.fixed {
		if !fixed && !x.f.capped(j) {
			return "explicit, " + others + " where caps follow the state"
		}
	}
	return "explicit"
}

// isBudget reports whether the closed form was refused for its size.
func isBudget(err error) bool {
	var b *lp.BudgetError
	return errors.As(err, &b)
}
