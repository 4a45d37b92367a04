package lp

import (
	"errors"
	"sync"
)

// explicitSolver answers from the closed form. What the closed form does not
// cover goes to the linear programs: limits that it was not compiled for, limits
// that may be empty, and prefixes that left the intervals it answered.
type explicitSolver struct {
	f   *explicit
	cfg SolverConfig

	mu       sync.Mutex
	programs *clpSolver
	failed   error
}

func newExplicitSolver(p *Polytope, cfg SolverConfig) (*explicitSolver, error) {
	f, err := compile(p, cfg)
	if err != nil {
		return nil, err
	}
	return &explicitSolver{f: f, cfg: cfg}, nil
}

func (s *explicitSolver) Polytope() *Polytope { return s.f.p }

func (s *explicitSolver) Method() string { return "explicit" }

func (s *explicitSolver) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.programs == nil {
		return nil
	}
	return s.programs.Close()
}

// fallback returns the pool, which starts when it is first needed.
func (s *explicitSolver) fallback() (*clpSolver, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.programs == nil && s.failed == nil {
		s.programs, s.failed = newCLPSolver(s.f.p, s.cfg)
	}
	return s.programs, s.failed
}

// isBudget reports whether the closed form was refused for its size.
func isBudget(err error) bool {
	var b *BudgetError
	return errors.As(err, &b)
}
