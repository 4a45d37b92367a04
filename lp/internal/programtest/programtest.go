package programtest

import (
	"math/big"
	"slices"

	"paspo/internal/exact"
	"paspo/lp/internal/program"
	"paspo/lp/internal/vec"
)

type fataler interface {
	Fatal(...any)
	Fatalf(string, ...any)
}

// CheckConflict checks the conflict of a program and says whether there is one.
func CheckConflict(t fataler, q *program.Program) bool {
	core, _ := q.Conflict(nil)
	if core == nil {
		x, _, err := program.Solve(q.C, q.A, q.B, q.E, q.F, q.L, q.U)
		if err != nil || q.Residual(x) > 1e-9 {
			t.Fatalf("no conflict, but no point either: %v", err)
		}
		return false
	}
	if !infeasible(q, core) {
		t.Fatalf("%v is no conflict", core)
	}
	for i := range core {
		if infeasible(q, slices.Concat(core[:i], core[i+1:])) {
			t.Fatalf("%v is a conflict without %v", core, core[i])
		}
	}
	return true
}

// infeasible says whether nothing satisfies some limits, in rational arithmetic.
func infeasible(p *program.Program, refs []program.Limit) bool {
	n := len(p.C)
	q := &exact.Problem{C: vec.Rationals(make([]float64, n)), Lower: make([]*big.Rat, n), Upper: make([]*big.Rat, n)}
	add := func(row []float64, rhs float64, equality bool) {
		q.A, q.B, q.Eq = append(q.A, vec.Rationals(row)), append(q.B, vec.Rational(rhs)), append(q.Eq, equality)
	}
	for _, r := range refs {
		switch k := r.Index; r.Kind {
		case program.OfRow:
			add(p.A[k*n:(k+1)*n], p.B[k], false)
		case program.OfEquality:
			add(p.E[k*n:(k+1)*n], p.F[k], true)
		case program.OfLower:
			q.Lower[k] = vec.Rational(p.L[k])
		case program.OfUpper:
			q.Upper[k] = vec.Rational(p.U[k])
		}
	}
	for j, l := range q.Lower {
		if u := q.Upper[j]; l != nil && u != nil && l.Cmp(u) > 0 {
			return true
		}
	}
	_, status := exact.Minimize(q)
	return status == exact.Infeasible
}
