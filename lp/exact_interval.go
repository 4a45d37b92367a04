package lp

import (
	"math"
	"math/big"

	"paspo/internal/exact"
	"paspo/lp/internal/vec"
)

// ExactInterval returns the interval of the entity after prefix from linear
// programs in rational arithmetic, rounded once. It is what solvers are judged
// by, and slow. A nil lim means the polytope's own limits.
//
// All limits are relaxed by relax times the scales of their residuals, or tightened where
// it is negative. Equalities are never tightened. ok is false where nothing has this
// prefix, or nothing bounds the entity.
func ExactInterval(p *Polytope, prefix []float64, lim *Limits, relax float64) (lo, hi float64, ok bool) {
	n, i := p.Dim(), len(prefix)
	if i >= n {
		panic(badLength)
	}
	if p.terms != nil {
		return ExactInterval(p.terms.lifted, prefix, p.liftOnce(lim), relax)
	}
	if p.HullOnly() {
		if q := p.Canonical(); q != p {
			d, _, _ := q.Units()
			canonical := make([]float64, i)
			for j, a := range prefix {
				canonical[j] = a / d[j]
			}
			lo, hi, ok = ExactInterval(q, canonical, p.canonicalLimits(lim), relax)
			return lo * d[i], hi * d[i], ok
		}
		return ExactInterval(p.lift(), prefix, p.liftLimits(lim), relax)
	}
	p = p.Under(lim)
	form := p.Form()
	b, f, l, u := p.Resolve(lim)
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
	for k, v := range b {
		if !math.IsInf(v, 1) {
			add(form.A[k*n:(k+1)*n], 1, v, form.RowSize[k], relax, false)
		}
	}
	for k, v := range f {
		c := form.E[k*n : (k+1)*n]
		if relax > 0 {
			add(c, 1, v, form.EqSize[k], relax, false)
			add(c, -1, v, form.EqSize[k], relax, false)
			continue
		}
		add(c, 1, v, 0, 0, true)
	}
	for j := i; j < n; j++ {
		var lower, upper *big.Rat
		if !math.IsInf(l[j], 0) {
			lower = vec.Rational(l[j] - relax*max(form.Size[j], math.Abs(l[j])))
		}
		if !math.IsInf(u[j], 0) {
			upper = vec.Rational(u[j] + relax*max(form.Size[j], math.Abs(u[j])))
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
