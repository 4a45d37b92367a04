package program

import (
	"math/big"

	"paspo/internal/exact"
	"paspo/lp/internal/vec"
)

// strictlySatisfiable says whether a point satisfies all limits, the inequalities
// among them with a margin. Floating point finds the point that is farthest from all
// inequalities,
//
//	min t   s.t.   A_k x <= b_k + s_k t,   E_k x = f_k,   t >= -1,
//
// rational arithmetic moves it onto the equalities, by as many entities as these are,
// and checks it. False says nothing.
func (p *Program) strictlySatisfiable(refs []Limit) bool {
	const most = 100_000 // steps of the elimination
	n, k := len(p.C), 0
	for _, r := range refs {
		if r.Kind == OfEquality {
			k++
		}
	}
	if k*k*n > most {
		return false
	}
	q, _ := p.elastic(refs, p.reach(), false)
	q.L[n] = -1
	found, err := q.Minimize(q)
	if err != nil || !(found[n] < -1e-9) {
		return false
	}
	x := make([]*big.Rat, n)
	for j := range x {
		x[j] = vec.Rational(found[j] * p.Unit)
	}
	t := new(big.Rat)
	excess := func(r Limit) *big.Rat {
		coef, sign, limit := p.side(r)
		sum := vec.Rational(-sign * limit)
		for j, c := range coef {
			if c != 0 {
				sum.Add(sum, t.Mul(vec.Rational(sign*c), x[j]))
			}
		}
		return sum
	}
	var equalities [][]*big.Rat // with what x misses them by
	for _, r := range refs {
		if r.Kind == OfEquality {
			coef, _, _ := p.side(r)
			row := make([]*big.Rat, n+1)
			for j, c := range coef {
				row[j] = vec.Rational(c)
			}
			row[n] = new(big.Rat).Neg(excess(r))
			equalities = append(equalities, row)
		}
	}
	d, _ := exact.Solve(n, equalities)
	if d == nil {
		return false
	}
	for j, v := range d {
		x[j].Add(x[j], v)
	}
	for _, r := range refs {
		if s := excess(r).Sign(); s > 0 || r.Kind == OfEquality && s != 0 {
			return false
		}
	}
	return true
}

// side returns a limit as sign coef . x <= sign limit, or = for an equality.
func (p *Program) side(r Limit) (coef []float64, sign, limit float64) {
	switch r.Kind {
	case OfRow, OfEquality:
		coef, limit = p.row(r)
		return coef, 1, limit
	}
	coef = make([]float64, len(p.C))
	coef[r.Index] = 1
	if r.Kind == OfLower {
		return coef, -1, p.L[r.Index]
	}
	return coef, 1, p.U[r.Index]
}
