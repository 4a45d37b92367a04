package warm

import (
	"math"
	"math/big"

	"paspo/internal/exact"
	"paspo/lp/internal/basis"
	"paspo/lp/internal/vec"
)

// exactEffort bounds what a query takes in rational arithmetic: some hundredths of a second.
const exactEffort = 20_000_000

// exactDuals returns the duals of a query from rational arithmetic, nil where nothing is
// feasible, nothing bounds the program, or it takes too long.
func exactDuals(g *basis.Program, q *basis.Query) (*basis.Duals, exact.Status) {
	prob := &exact.Problem{Effort: exactEffort, Lower: make([]*big.Rat, g.N), Upper: make([]*big.Rat, g.N)}
	for j, c := range g.C {
		prob.C = append(prob.C, vec.Rational(c))
		prob.Lower[j] = new(big.Rat)
		if u := q.Up[j]; !math.IsInf(u, 1) {
			prob.Upper[j] = vec.Rational(u)
		}
	}
	// of says which row of g each row of prob stands for: k where it is row k, and -1-k
	// where it is row k times -1, which holds the other side of the row.
	var of []int
	add := func(k int, sign float64, rhs *big.Rat) {
		var row []*big.Rat
		for _, v := range g.A[k*g.N : (k+1)*g.N] {
			row = append(row, vec.Rational(sign*v))
		}
		prob.A, prob.B, prob.Eq = append(prob.A, row), append(prob.B, rhs), append(prob.Eq, g.Equality[k])
		if sign > 0 {
			of = append(of, k)
		} else {
			of = append(of, -1-k)
		}
	}
	for k := range g.M {
		add(k, 1, vec.Rational(q.R[k]))
		if u := q.Up[g.N+k]; !g.Equality[k] && !math.IsInf(u, 1) {
			add(k, -1, new(big.Rat).Sub(vec.Rational(u), vec.Rational(q.R[k])))
		}
	}
	s, status := exact.Minimize(prob)
	if status != exact.Optimal {
		return nil, status
	}
	y := make([]*big.Rat, g.M)
	for k := range y {
		y[k] = new(big.Rat)
	}
	for x, k := range of {
		if k >= 0 {
			y[k].Add(y[k], s.Dual[x])
		} else {
			y[-1-k].Sub(y[-1-k], s.Dual[x])
		}
	}
	z := make([]float64, g.N)
	var t big.Rat
	for j := range z {
		v := vec.Rational(g.C[j])
		for k := range y {
			v.Sub(v, t.Mul(vec.Rational(g.A[k*g.N+j]), y[k]))
		}
		z[j] = vec.Float(v)
	}
	return g.DualsOf(vec.Floats(y), z), status
}
