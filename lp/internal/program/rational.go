package program

import (
	"cmp"
	"math"
	"math/big"
	"slices"

	"paspo/internal/exact"
	"paspo/lp/internal/vec"
)

// Rational is a linear program over A x <= B, E x = F, L <= x <= U whose first entities, the
// prefix, are fixed. It is solved in rational arithmetic.
type Rational struct {
	A, B, E, F, L, U []float64
	Prefix           []float64

	// Effort bounds each program, see exact.Problem; 0 for no bound.
	Effort int

	// Moves is how far the last minimum moves, per unit of t, when all limits move by t times
	// what their terms come to.
	Moves float64
}

// Minimize returns the least c . a over what has the prefix, c being of the suffix; ok
// is false where nothing has, or that takes too long to tell. It begins with few limits and adds those that the minimum
// of what it has breaks: most of many are not needed.
func (r *Rational) Minimize(c []float64) (value *big.Rat, ok bool) {
	n, i := len(r.L), len(r.Prefix)
	const few = 50
	capped, in := make([]bool, n), make([]bool, len(r.B))
	for x := i; x < n; x++ {
		if u := r.U[x]; !math.IsInf(u, 1) {
			capped[x] = math.IsInf(r.L[x], -1) || u <= r.L[x]
		}
	}
	prefix := vec.Rationals(r.Prefix)
	// left returns the coefficients of the entities that are not fixed, and the right-hand side less
	// the terms of the prefix.
	left := func(c []float64, rhs float64) ([]*big.Rat, *big.Rat) {
		return vec.Rationals(c[i:]), exact.Less(vec.Rational(rhs), vec.Rationals(c[:i]), prefix)
	}
	q := &exact.Problem{Effort: r.Effort, C: vec.Rationals(c), Lower: make([]*big.Rat, n-i), Upper: make([]*big.Rat, n-i)}
	add := func(c []float64, rhs float64, equality bool) {
		row, rest := left(c, rhs)
		q.A, q.B, q.Eq = append(q.A, row), append(q.B, rest), append(q.Eq, equality)
	}
	for k, f := range r.F {
		add(r.E[k*n:(k+1)*n], f, true)
	}
	for k, b := range r.B {
		if len(r.B) <= few && !math.IsInf(b, 1) {
			in[k] = true
			add(r.A[k*n:(k+1)*n], b, false)
		}
	}
	for x := i; x < n; x++ {
		if l := r.L[x]; !math.IsInf(l, -1) {
			q.Lower[x-i] = vec.Rational(l)
		}
		if capped[x] {
			q.Upper[x-i] = vec.Rational(r.U[x])
		}
	}
	for {
		s, status := exact.Minimize(q)
		if status == exact.Infeasible || status == exact.Exhausted {
			return nil, false
		}
		more := false
		if len(r.B) > few {
			for _, k := range r.broken(s, in, few) {
				in[k], more = true, true
				add(r.A[k*n:(k+1)*n], r.B[k], false)
			}
		}
		for x := i; x < n; x++ {
			if u := r.U[x]; !capped[x] && !math.IsInf(u, 1) && (s == nil || s.X[x-i].Cmp(vec.Rational(u)) > 0) {
				capped[x], more = true, true
				q.Upper[x-i] = vec.Rational(u)
			}
		}
		switch {
		case more:
		case s == nil:
			return nil, false
		default:
			r.Moves = moves(q, s)
			return s.Value, true
		}
	}
}

// moves is how far a minimum moves, per unit of t, when all limits move by t times what their
// terms come to.
func moves(q *exact.Problem, s *exact.Solution) float64 {
	sum := 0.
	x, z := vec.Floats(s.X), vec.Floats(q.C)
	for k, row := range q.A {
		y := math.Abs(vec.Float(s.Dual[k]))
		if y == 0 {
			continue
		}
		terms := math.Abs(vec.Float(q.B[k]))
		for j, v := range row {
			terms = max(terms, math.Abs(vec.Float(v)*x[j]))
		}
		sum += y * terms
	}
	var t, d big.Rat
	for j := range z {
		d.Set(q.C[j])
		for k, row := range q.A {
			if s.Dual[k].Sign() != 0 && row[j].Sign() != 0 {
				d.Sub(&d, t.Mul(s.Dual[k], row[j]))
			}
		}
		v, _ := d.Float64()
		sum += math.Abs(v * x[j])
	}
	return sum
}

// broken returns the rows that a solution breaks by the most, all where there is none.
func (r *Rational) broken(s *exact.Solution, in []bool, most int) []int {
	n, i := len(r.L), len(r.Prefix)
	var rows []int
	excess := make([]float64, len(r.B))
	for k, b := range r.B {
		if in[k] || math.IsInf(b, 1) {
			continue
		}
		if s == nil {
			rows = append(rows, k)
			continue
		}
		v := vec.Rational(-b)
		var t big.Rat
		for j, c := range r.A[k*n : (k+1)*n] {
			switch {
			case c == 0:
			case j < i:
				v.Add(v, t.Mul(vec.Rational(c), vec.Rational(r.Prefix[j])))
			default:
				v.Add(v, t.Mul(vec.Rational(c), s.X[j-i]))
			}
		}
		if v.Sign() > 0 {
			rows, excess[k] = append(rows, k), vec.Float(v)/max(1, math.Abs(b))
		}
	}
	if s != nil && len(rows) > most {
		slices.SortStableFunc(rows, func(x, y int) int { return cmp.Compare(excess[y], excess[x]) })
		rows = rows[:most]
	}
	return rows
}
