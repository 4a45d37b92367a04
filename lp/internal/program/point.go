package program

import (
	"math"
	"math/big"

	"paspo/lp/internal/vec"
)

// strictlySatisfiable says whether a point satisfies all limits, the inequalities
// among them with a margin. Floating point finds the point that is farthest from all
// inequalities,
//
//	min t   s.t.   A_k x <= b_k + s_k t,   E_k x = e_k,   t >= -1,
//
// rational arithmetic moves it onto the equalities, by as many entities as these are,
// and checks it. False says nothing.
func (p *Program) strictlySatisfiable(refs []Limit) bool {
	n := len(p.C)
	q := Program{
		C: make([]float64, n+1), L: make([]float64, n+1), U: make([]float64, n+1),
		Unit: 1, Cost: CostScale,
	}
	reach := p.reach() / p.Unit
	for j := range n {
		q.L[j], q.U[j] = -reach, reach
	}
	q.C[n], q.L[n], q.U[n] = 1, -1, math.Inf(1)
	var equalities [][]*big.Rat // with what x misses them by
	for _, r := range refs {
		coef, sign, limit := p.side(r)
		s := p.limitScale(r)
		row := make([]float64, n+1)
		for j, v := range coef {
			row[j] = sign * v * p.Unit / s
		}
		if r.Kind == OfEquality {
			q.E, q.F = append(q.E, row...), append(q.F, sign*limit/s)
			continue
		}
		row[n] = -1
		q.A, q.B = append(q.A, row...), append(q.B, sign*limit/s)
	}
	const most = 100_000 // steps of the elimination
	if k := len(q.F); k*k*n > most {
		return false
	}
	found, err := q.Minimize(&q)
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
	if !shift(x, equalities) {
		return false
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

// shift adds a d to x with E d = r, given the rows of [E r], by elimination with the
// largest pivots. It is false where there is none.
func shift(x []*big.Rat, rows [][]*big.Rat) bool {
	n := len(x)
	t := new(big.Rat)
	pivots := make([]int, len(rows))
	for k, row := range rows {
		best, most := -1, 0.
		for j, v := range row[:n] {
			if size := math.Abs(vec.Float(v)); size > most {
				best, most = j, size
			}
		}
		if pivots[k] = best; best < 0 {
			if row[n].Sign() != 0 {
				return false
			}
			continue
		}
		for _, other := range rows[k+1:] {
			if other[best].Sign() == 0 {
				continue
			}
			f := new(big.Rat).Quo(other[best], row[best])
			for j, v := range row {
				if v.Sign() != 0 {
					other[j].Sub(other[j], t.Mul(f, v))
				}
			}
		}
	}
	d := make([]*big.Rat, n)
	for k := len(rows) - 1; k >= 0; k-- {
		if pivots[k] < 0 {
			continue
		}
		v := new(big.Rat).Set(rows[k][n])
		for j, c := range rows[k][:n] {
			if j != pivots[k] && d[j] != nil {
				v.Sub(v, t.Mul(c, d[j]))
			}
		}
		d[pivots[k]] = v.Quo(v, rows[k][pivots[k]])
	}
	for j, v := range d {
		if v != nil {
			x[j].Add(x[j], v)
		}
	}
	return true
}
