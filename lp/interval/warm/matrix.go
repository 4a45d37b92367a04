package warm

import (
	"paspo/lp"
	"paspo/lp/interval/relay"
)

// Matrices answers states with a matrix of their own, each by a dual simplex that
// goes on from one interval of an action to the next. Nothing outlasts the action: an
// answer depends on the state and the prefix alone.
//
// An endpoint is answered where an allocation has it that satisfies all constraints, and
// duals bound it, to the tolerances that answers of CLP are held to. All else is left to
// CLP, the rest of the action included: states whose limits are empty or not finite
// numbers, entities without an endpoint, more rows than a basis takes, and hulls without
// facets, which have no matrix to replace.
type Matrices struct {
	p      *lp.Polytope
	behind relay.Successor
}

func NewMatrices(p *lp.Polytope, behind func() (lp.Solver, error)) *Matrices {
	return &Matrices{p: p, behind: relay.NewSuccessor(behind)}
}

func (s *Matrices) Polytope() *lp.Polytope { return s.p }

func (s *Matrices) Method() string { return "simplex" }

func (s *Matrices) Close() error { return s.behind.Close() }

func (s *Matrices) Chain(batch int) lp.Chain {
	return &matrixChain{s: s, rows: make([]*matrixRow, batch), away: make([]bool, batch), behind: relay.NewHandover(&s.behind, batch)}
}

// Behind returns the solver behind the simplex, nil until it was needed.
func (s *Matrices) Behind() lp.Solver { return s.behind.Started() }
