package clp

import (
	"slices"

	"paspo/lp/internal/program"
	"paspo/lp/internal/vec"
	"paspo/lp/interval/relay"
)

// whole returns a conflict after the prefix of q that is minimal in constraints. In the lifted
// polytope a row with convex terms comes with further rows, those of the parts of its terms, which
// have no names. A conflict that is minimal in the rows of the lifted polytope need not be minimal
// in constraints. A conflict without such parts is returned as it is.
func (w *worker) whole(q *relay.Action, conflict []string) []string {
	if !slices.Contains(conflict, "") {
		return conflict
	}
	n, i, p, form := w.m.n, q.Entity, w.m.p, &w.m.form
	_, _, rowNames := p.Inequalities()
	_, _, eqNames := p.Equalities()
	rest := program.Program{C: make([]float64, n-i), L: q.L[i:], U: q.U[i:]}
	for k, b := range q.B {
		row := form.A[k*n : (k+1)*n]
		rest.A, rest.B = append(rest.A, row[i:]...), append(rest.B, b-vec.Dot(row[:i], q.Prefix[:i]))
	}
	for k, f := range q.F {
		row := form.E[k*n : (k+1)*n]
		rest.E, rest.F = append(rest.E, row[i:]...), append(rest.F, f-vec.Dot(row[:i], q.Prefix[:i]))
	}
	rest.SetScales()
	name := func(r program.Limit) string {
		switch r.Kind {
		case program.OfRow:
			return rowNames[r.Index]
		case program.OfEquality:
			return eqNames[r.Index]
		}
		return p.BoundName(i+r.Index, r.Kind == program.OfUpper, q.L, q.U)
	}
	if core, _ := rest.Conflict(name); core != nil {
		conflict = nil
		for _, r := range core {
			if s := name(r); !slices.Contains(conflict, s) {
				conflict = append(conflict, s)
			}
		}
	}
	return slices.DeleteFunc(conflict, func(s string) bool { return s == "" })
}
