package interval

import "paspo/lp"

// matrixSolver answers states with a matrix of their own, each by a dual simplex that
// goes on from one interval of an action to the next. Nothing outlasts the action: an
// answer depends on the state and the prefix alone.
//
// An end is answered where an allocation has it that satisfies all constraints, and
// duals bound it, to the tolerances that answers of CLP are held to. All else is left
// to CLP, the rest of the action included: states whose limits leave nothing or are no
// limits, entities without an end, more rows than a basis takes, and hulls without
// facets, which have no matrix to replace.
type matrixSolver struct {
	p      *lp.Polytope
	behind successor
}

func newMatrixSolver(p *lp.Polytope, behind func() (lp.Solver, error)) *matrixSolver {
	return &matrixSolver{p: p, behind: newSuccessor(behind)}
}

func (s *matrixSolver) Polytope() *lp.Polytope { return s.p }

func (s *matrixSolver) Method() string { return "simplex" }

func (s *matrixSolver) Close() error { return s.behind.close() }

func (s *matrixSolver) Chain(batch int) lp.Chain {
	return &matrixChain{s: s, rows: make([]*matrixRow, batch), away: make([]bool, batch), behind: newHandover(&s.behind, batch)}
}

// Behind returns the solver behind the simplex, nil until it was needed.
func (s *matrixSolver) Behind() lp.Solver { return s.behind.started() }
