package warm

import (
	"paspo/lp/internal/basis"
	"paspo/lp/internal/tolerance"
)

// tight is rounding as a part of the tolerances: a basis that violates no limit by more is
// as good as an exact one.
const tight = basis.Slack / tolerance.Rounding

// slightly is what the rounding of a long prefix may come to, as such a part.
const slightly = 10 * tight

// search finds the duals of a query, nil where nothing is feasible. They depend on
// the query alone.
func (e *store) search(q *basis.Query, w *basis.Work) *basis.Piece {
	e.misses.Add(1)
	p, infeasible := e.simplex(q, w, tight)
	if p != nil {
		return p
	}
	if !infeasible {
		e.exact.Add(1)
		if p, ok := exactPiece(e.g, q); ok {
			return p
		}
	}
	// What rounding makes infeasible is answered on the smallest tolerances that do: where
	// rows are nearly parallel, larger ones would make another polytope.
	for _, part := range [...]float64{slightly, 1} {
		if p, _ = e.simplex(q, w, part); p != nil {
			return p
		}
	}
	e.left.Add(1)
	return nil
}

// simplex finds duals whose basis violates no limit by more than part of its
// tolerance. It reports whether it proved that no limit and no row can be satisfied
// exactly.
func (e *store) simplex(q *basis.Query, w *basis.Work, part float64) (p *basis.Piece, infeasible bool) {
	s := w.Solve(q, e.home(q), part)
	for range 2 {
		switch s {
		case basis.Infeasible:
			return nil, w.Certified(q)
		case basis.Failed:
			return nil, false
		}
		if !w.Feasible(q, part) {
			return nil, false
		}
		if trivial, proved := w.Trivial(q); trivial {
			if !proved {
				return nil, false
			}
			e.keepBound(w.State)
			return e.bound, false
		}
		p := e.find(w.State)
		if p == nil {
			var err error
			if p, err = w.Piece(); err != nil {
				return nil, false
			}
		}
		if p.Is(w.State) {
			e.keep(w.State)
			return p, false
		}
		s = w.Again(q, p, part) // the exact duals ask for other bounds
	}
	return nil, false
}
