package program

import (
	"math"
	"math/big"
	"slices"

	"paspo/internal/exact"
	"paspo/lp/internal/vec"
)

// Proven returns the least scaled amount by which all the limits must be relaxed, and
// whether they are an irreducible conflict, both in rational arithmetic. They are
// one if the multipliers that cancel their left sides,
//
//	sum_k y_k A_k = 0,   y_k > 0 of inequalities,   y . b < 0   (Farkas),
//
// are unique but for a factor and none of them is 0: a smaller conflict would have
// multipliers of its own, which are 0 elsewhere. Those of bounds follow from those
// of the rows, so that elimination takes the entities without a bound alone.
func (p *Program) Proven(refs []Limit) (amount float64, ok bool) {
	n := len(p.C)
	var rows []Limit
	bound := map[int]Limit{}
	for _, r := range refs {
		switch r.Kind {
		case OfRow, OfEquality:
			rows = append(rows, r)
		default:
			other, twice := bound[r.Index]
			if twice {
				crossed := other.Kind != r.Kind && p.L[r.Index] > p.U[r.Index]
				l, u := vec.Rational(p.L[r.Index]), vec.Rational(p.U[r.Index])
				return vec.Float(l.Sub(l, u)) / (p.limitScale(r) + p.limitScale(other)), crossed && len(refs) == 2
			}
			bound[r.Index] = r
		}
	}
	if len(rows) == 0 {
		return 0, false
	}
	column, zero := make([]*big.Rat, len(rows)), new(big.Rat)
	coefficients := func(j int) []*big.Rat {
		for k, r := range rows {
			coef, _ := p.row(r)
			if column[k] = zero; coef[j] != 0 { // most are 0 where there are many
				column[k] = vec.Rational(coef[j])
			}
		}
		return column
	}
	y := exact.Orthogonal(len(rows), func(yield func([]*big.Rat) bool) {
		for j := range n {
			if _, bounded := bound[j]; !bounded && !yield(coefficients(j)) {
				return
			}
		}
	})
	if y == nil {
		return 0, false
	}
	sum, scale, t := new(big.Rat), new(big.Rat), new(big.Rat)
	sign := 0
	use := func(r Limit, y *big.Rat, limit float64) bool {
		if y.Sign() == 0 {
			return false
		}
		if r.Kind != OfEquality {
			if sign == 0 {
				sign = y.Sign()
			}
			if y.Sign() != sign {
				return false
			}
		}
		sum.Add(sum, t.Mul(y, vec.Rational(limit)))
		s := vec.Rational(p.limitScale(r))
		scale.Add(scale, s.Mul(s, t.Abs(y)))
		return true
	}
	for k, r := range rows {
		if _, limit := p.row(r); !use(r, y[k], limit) {
			return 0, false
		}
	}
	for j, r := range bound {
		g := new(big.Rat)
		for k, c := range coefficients(j) {
			if c != zero {
				g.Add(g, t.Mul(y[k], c))
			}
		}
		limit := -p.L[j]
		if r.Kind == OfUpper {
			limit = p.U[j]
			g.Neg(g)
		}
		if !use(r, g, limit) {
			return 0, false
		}
	}
	if sign > 0 && sum.Sign() >= 0 || sign < 0 && sum.Sign() <= 0 || sum.Sign() == 0 {
		return 0, false
	}
	return math.Abs(vec.Float(sum.Quo(sum, scale))), true
}

// row returns the coefficients of a row or an equality and its limit.
func (p *Program) row(r Limit) (coef []float64, limit float64) {
	n := len(p.C)
	if r.Kind == OfEquality {
		return p.E[r.Index*n : (r.Index+1)*n], p.F[r.Index]
	}
	return p.A[r.Index*n : (r.Index+1)*n], p.B[r.Index]
}

// limitScale returns what the relaxation of a limit is measured in.
func (p *Program) limitScale(r Limit) float64 {
	switch r.Kind {
	case OfLower:
		return p.entityScale(r.Index, p.L[r.Index])
	case OfUpper:
		return p.entityScale(r.Index, p.U[r.Index])
	case OfEquality:
		return p.eqScale(r.Index)
	}
	return p.rowScale(r.Index)
}

// maxProofCells bounds the tableau of ExactConflict, and proofEffort what it takes: some
// tenths of a second.
const (
	maxProofCells = 30_000
	proofEffort   = 100_000_000
)

// ExactConflict returns the irreducible conflict among limits that they contradict
// one another in by the largest scaled amount, from a linear program in rational
// arithmetic over the multipliers,
//
//	min y . s   s.t.   sum_k y_k A_k = 0,  y . b = -1,
//
// whose vertices are the irreducible conflicts (Gleeson and Ryan, ORSA Journal on
// Computing 2, 1990). empty is false where there is none: a point satisfies all.
// ok is false where the program takes too long.
func (p *Program) ExactConflict(refs []Limit) (core []Limit, empty, ok bool) {
	n := len(p.C)
	used := make([]bool, n)
	for _, r := range refs {
		if r.Kind == OfRow || r.Kind == OfEquality {
			coef, _ := p.row(r)
			for j, v := range coef {
				used[j] = used[j] || v != 0
			}
		} else if p.L[r.Index] > p.U[r.Index] {
			used[r.Index] = true
		}
	}
	place, m := make([]int, n), 0
	for j, u := range used {
		if u {
			place[j] = m
			m++
		}
	}
	var owner []int
	q := &exact.Problem{Effort: proofEffort, A: make([][]*big.Rat, m+1), B: make([]*big.Rat, m+1), Eq: slices.Repeat([]bool{true}, m+1)}
	for i := range q.B {
		q.B[i] = new(big.Rat)
	}
	q.B[m].SetInt64(-1)
	add := func(i int, r Limit, sign float64) {
		column := make([]*big.Rat, m+1)
		for j := range column {
			column[j] = new(big.Rat)
		}
		switch r.Kind {
		case OfLower:
			column[place[r.Index]].SetInt64(-1)
			column[m].SetFloat64(-p.L[r.Index])
		case OfUpper:
			column[place[r.Index]].SetInt64(1)
			column[m].SetFloat64(p.U[r.Index])
		default:
			coef, limit := p.row(r)
			for j, v := range coef {
				if v != 0 {
					column[place[j]].SetFloat64(sign * v)
				}
			}
			column[m].SetFloat64(sign * limit)
		}
		for j, v := range column {
			q.A[j] = append(q.A[j], v)
		}
		q.C = append(q.C, vec.Rational(p.limitScale(r)))
		q.Lower, q.Upper = append(q.Lower, new(big.Rat)), append(q.Upper, nil)
		owner = append(owner, i)
	}
	for i, r := range refs {
		if (r.Kind == OfLower || r.Kind == OfUpper) && !used[r.Index] {
			continue
		}
		add(i, r, 1)
		if r.Kind == OfEquality {
			add(i, r, -1)
		}
		if (m+1)*(len(owner)+2*(m+1)) > maxProofCells {
			return nil, false, false
		}
	}
	s, status := exact.Minimize(q)
	if status != exact.Optimal {
		return nil, false, status != exact.Exhausted
	}
	for c, i := range owner {
		if s.X[c].Sign() > 0 {
			core = append(core, refs[i])
		}
	}
	return core, true, true
}

// satisfiable says whether a point satisfies all limits, in rational arithmetic.
func (p *Program) satisfiable(refs []Limit) bool {
	if p.strictlySatisfiable(refs) {
		return true
	}
	_, empty, ok := p.ExactConflict(refs)
	return ok && !empty
}
