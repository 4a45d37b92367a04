package warm

import (
	"paspo/internal/exact"
	"paspo/lp/internal/basis"
	"paspo/lp/internal/dictionary"
	"paspo/lp/internal/tolerance"
)

// tight is rounding as a part of the tolerances: a basis that violates no limit by more is
// as good as an exact one.
const tight = basis.Slack / tolerance.Rounding

// slightly is what the rounding of a long prefix may come to, as such a part.
const slightly = 10 * tight

// search finds the duals of a query, nil where nothing is feasible. They depend on
// the query alone.
func (e *store) search(q *basis.Query, w *basis.Work) *basis.Duals {
	e.misses.Add(1)
	p, infeasible := e.simplex(q, w, e.from(q), tight)
	if p != nil {
		return p
	}
	if !infeasible {
		e.exact.Add(1)
		p, status := exactDuals(e.g, q)
		if status == exact.Exhausted {
			if at := e.perturbed(q); at != nil {
				p, _ = e.simplex(q, w, at, tight)
			}
		}
		if p != nil {
			return p
		}
	}
	// A prefix that is infeasible by rounding is answered with the smallest tolerance that makes it
	// feasible: where rows are nearly parallel, a larger one would make another polytope.
	for _, part := range [...]float64{slightly, 1} {
		if p, _ = e.simplex(q, w, e.from(q), part); p != nil {
			return p
		}
	}
	e.handedOver.Add(1)
	return nil
}

// perturbed returns a basis at the optimum that the dictionary finds in floating point, nil
// where it finds none. An endpoint has few costs that are not 0, so that among many rows the
// dual simplex method may take many pivots that change nothing; the dictionary gives every
// variable a cost of its own on the way.
func (e *store) perturbed(q *basis.Query) *basis.Duals {
	const most = 1 << 30
	g, effort := e.g, most
	d := dictionary.New(make([]float64, g.N), q.Up[:g.N], &effort)
	for k := range g.M {
		d.Add(g.A[k*g.N:(k+1)*g.N], q.R[k], g.Equality[k])
		if !g.Equality[k] {
			d.Limit(k, 0, q.Up[g.N+k])
		}
	}
	c := make([]float64, g.N)
	for j, v := range g.C {
		c[j] = -v
	}
	if _, err := d.Maximize(c); err != nil {
		return nil
	}
	state := make([]basis.State, g.N+g.M)
	for v := range state {
		switch basic, upper := d.Status(v); {
		case basic:
			state[v] = basis.Basic
		case upper:
			state[v] = basis.Upper
		}
	}
	p, err := g.Build(state)
	if err != nil {
		return nil
	}
	return p
}

// simplex finds duals whose basis, from a first one on, violates no limit by more than part
// of its tolerance. It reports whether it proved that no limit and no row can be satisfied
// exactly.
func (e *store) simplex(q *basis.Query, w *basis.Work, from *basis.Duals, part float64) (p *basis.Duals, infeasible bool) {
	s := w.Solve(q, from, part)
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
			if p, err = w.Duals(); err != nil {
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
