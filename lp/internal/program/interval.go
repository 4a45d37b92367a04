package program

import (
	"math"
	"math/big"

	"paspo/internal/exact"
	"paspo/lp/internal/vec"
)

// ExactInterval returns the least and the largest value of the entity after prefix. All
// limits are relaxed by relax times their scales, or tightened where it is negative. Equalities are never tightened. ok is false where nothing has this prefix, or
// nothing bounds the entity.
func (p *Form) ExactInterval(prefix []float64, relax float64) (lo, hi float64, ok bool) {
	n, i, l, u := len(p.L), len(prefix), p.L, p.U
	q := &exact.Problem{}
	add := func(c []float64, sign, rhs, size, relax float64, eq bool) {
		left, row := vec.Rational(sign*rhs), make([]*big.Rat, 0, n-i)
		for j, v := range c {
			t := vec.Rational(sign * v)
			if j < i {
				left.Sub(left, t.Mul(t, vec.Rational(prefix[j])))
			} else {
				row = append(row, t)
			}
		}
		left.Add(left, vec.Rational(relax*max(math.Abs(rhs), size)))
		q.A, q.B, q.Eq = append(q.A, row), append(q.B, left), append(q.Eq, eq)
	}
	for k, v := range p.B {
		if !math.IsInf(v, 1) {
			add(p.A[k*n:(k+1)*n], 1, v, p.sizeOfRow(k), relax, false)
		}
	}
	for k, v := range p.F {
		c := p.E[k*n : (k+1)*n]
		if relax > 0 {
			add(c, 1, v, p.EqSize[k], relax, false)
			add(c, -1, v, p.EqSize[k], relax, false)
			continue
		}
		add(c, 1, v, 0, 0, true)
	}
	for j := i; j < n; j++ {
		var lower, upper *big.Rat
		if !math.IsInf(l[j], 0) {
			lower = vec.Rational(l[j] - relax*max(p.Size[j], math.Abs(l[j])))
		}
		if !math.IsInf(u[j], 0) {
			upper = vec.Rational(u[j] + relax*max(p.Size[j], math.Abs(u[j])))
		}
		if lower != nil && upper != nil && lower.Cmp(upper) > 0 {
			return 0, 0, false
		}
		q.Lower, q.Upper = append(q.Lower, lower), append(q.Upper, upper)
		q.C = append(q.C, new(big.Rat))
	}
	q.C[0].SetInt64(1)
	s, status := exact.Minimize(q)
	if status != exact.Optimal {
		return 0, 0, false
	}
	lo = vec.Float(s.Value)
	q.C[0].SetInt64(-1)
	if s, status = exact.Minimize(q); status != exact.Optimal {
		return 0, 0, false
	}
	return lo, -vec.Float(s.Value), true
}
