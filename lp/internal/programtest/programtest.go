package programtest

import (
	"errors"
	"slices"

	"paspo/lp/internal/program"
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
	if !infeasible(t, q, core) {
		t.Fatalf("%v is no conflict", core)
	}
	for i := range core {
		if infeasible(t, q, slices.Concat(core[:i], core[i+1:])) {
			t.Fatalf("%v is a conflict without %v", core, core[i])
		}
	}
	return true
}

// infeasible asks CLP for a point under some limits only, which is another
// program than the one that found the conflict.
func infeasible(t fataler, p *program.Program, refs []program.Limit) bool {
	n := len(p.C)
	var a, b, e, f []float64
	l, u := slices.Repeat([]float64{-p.Reach()}, n), slices.Repeat([]float64{p.Reach()}, n)
	for _, r := range refs {
		switch k := r.Index; r.Kind {
		case program.OfRow:
			a, b = append(a, p.A[k*n:(k+1)*n]...), append(b, p.B[k])
		case program.OfEquality:
			e, f = append(e, p.E[k*n:(k+1)*n]...), append(f, p.F[k])
		case program.OfLower:
			l[k] = p.L[k]
		case program.OfUpper:
			u[k] = p.U[k]
		}
	}
	_, _, err := program.Solve(make([]float64, n), a, b, e, f, l, u)
	if err != nil && !errors.Is(err, program.ErrInfeasible) {
		t.Fatal(err)
	}
	return err != nil
}
