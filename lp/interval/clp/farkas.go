package clp

import (
	"math"
	"math/big"
	"slices"

	"paspo/internal/exact"
	"paspo/lp/internal/program"
	"paspo/lp/internal/vec"
)

// far finds the least theta in floating point and proves it. With multipliers
// lambda >= 0 of the rows, all (x, theta) that satisfy them have
//
//	theta lambda . s >= (lambda' A) . x - lambda . b,
//
// a bound in rational arithmetic where lambda' A is 0 for every x without bounds
// and not negative for those with a lower one (Farkas). ok is false where the bound
// is weaker than the floating-point estimate, or where theta is so small that rounding
// would show in it.
func (e *elastic) far() (theta float64, conflict []string, ok bool) {
	const least = 1e-6
	found, lambda := e.approximate()
	if lambda != nil {
		e.likely = lambda
	}
	if !(found > least) {
		return 0, nil, false
	}
	if l := vec.Float(e.lower[len(e.lower)-1]); e.broken != "" && found-l <= 1e-5*l {
		return l, []string{e.broken}, true
	}
	most := vec.MaxAbs(lambda)
	seen := map[string]bool{}
	for k, y := range lambda {
		if y <= 1e-9*most {
			lambda[k] = 0
		} else if name := e.names[k]; name != nil && !seen[name()] {
			seen[name()] = true
			conflict = append(conflict, name())
		}
	}
	bound := e.bound(lambda)
	if bound == nil {
		return 0, nil, false
	}
	theta = vec.Float(bound)
	if e.lower[0] == nil && !e.proven(lambda) {
		const small = 10_000 // numbers in the tableau that least takes
		if primal, dual := e.cells(); min(primal, dual) <= small {
			return 0, nil, false
		}
		conflict = nil
	}
	return theta, conflict, theta > least && math.Abs(found-theta) <= 1e-5*theta
}

// approximate solves the program of least in floating point.
func (e *elastic) approximate() (theta float64, lambda []float64) {
	n := len(e.lower) - 1
	q := program.Program{C: make([]float64, n+1), L: make([]float64, n+1), U: make([]float64, n+1), Unit: 1, Cost: program.CostScale}
	q.C[n] = 1
	scales := make([]float64, len(e.b))
	reach := 1.
	for k, row := range e.a {
		scales[k] = -vec.Float(row[n])
		if scales[k] == 0 {
			scales[k] = 1
		}
		b := vec.Float(e.b[k]) / scales[k]
		for _, v := range row {
			c := vec.Float(v) / scales[k]
			if c != 0 {
				reach = max(reach, math.Abs(b/c))
			}
			q.A = append(q.A, c)
		}
		q.B = append(q.B, b)
	}
	for j, l := range e.lower {
		q.L[j], q.U[j] = -1e3*reach, 1e3*reach
		if l != nil {
			q.L[j] = vec.Float(l)
		}
	}
	q.U[n] = math.Inf(1)
	x, err := q.Minimize(&q)
	if err != nil {
		return math.NaN(), nil
	}
	lambda = make([]float64, len(e.b))
	for k := range lambda {
		lambda[k] = max(0, -q.Duals[k]/q.Cost/scales[k])
	}
	return x[n], lambda
}

// bound returns what the multipliers prove of theta, nil where they prove nothing.
// Errors of lambda' A are made up for by bounds of single variables, and by a row
// that bounds all of them from above, the budget.
func (e *elastic) bound(lambda []float64) *big.Rat {
	n := len(e.lower) - 1
	g := make([]*big.Rat, n+1)
	for j := range g {
		g[j] = new(big.Rat)
	}
	b, t := new(big.Rat), new(big.Rat)
	add := func(k int, y *big.Rat) {
		for j, v := range e.a[k] {
			if v.Sign() != 0 {
				g[j].Add(g[j], t.Mul(v, y))
			}
		}
		b.Add(b, t.Mul(e.b[k], y))
	}
	below := make([]int, n)
	for j := range below {
		below[j] = -1
	}
	cover := -1
	for k, row := range e.a {
		single, sign, all := -1, 0, true
		for j, v := range row[:n] {
			all = all && v.Sign() > 0
			if v.Sign() != 0 {
				if single >= 0 {
					sign = 0
				} else {
					sign = v.Sign()
				}
				single = j
			}
		}
		if sign < 0 {
			below[single] = k
		}
		if all {
			cover = k
		}
		if lambda[k] > 0 {
			add(k, vec.Rational(lambda[k]))
		}
	}
	short := new(big.Rat) // what the row of all has to make up for
	for j := range n {
		if g[j].Sign() < 0 {
			if cover < 0 {
				return nil
			}
			if y := new(big.Rat).Quo(g[j], e.a[cover][j]); y.Neg(y).Cmp(short) > 0 {
				short = y
			}
		}
	}
	if short.Sign() > 0 {
		add(cover, short)
	}
	for j := range n {
		switch {
		case g[j].Sign() == 0:
		case e.lower[j] != nil:
			b.Sub(b, t.Mul(g[j], e.lower[j]))
		case below[j] >= 0:
			k := below[j]
			add(k, new(big.Rat).Quo(g[j], new(big.Rat).Neg(e.a[k][j])))
		default:
			return nil
		}
	}
	if g[n].Sign() >= 0 {
		return nil
	}
	b.Quo(b, g[n]) // - lambda . b / lambda . s
	if l := e.lower[n]; l.Cmp(b) > 0 {
		return l
	}
	return b
}

// proven reports whether rows with multipliers are an irreducible conflict, for
// variables without bounds: see program.Program.Proven.
func (e *elastic) proven(lambda []float64) bool {
	n := len(e.lower) - 1
	var rows []int
	for k, y := range lambda {
		if y > 0 {
			rows = append(rows, k)
		}
	}
	if slices.ContainsFunc(e.lower[:n], func(l *big.Rat) bool { return l != nil }) {
		return false
	}
	column := make([]*big.Rat, len(rows))
	y := exact.Orthogonal(len(rows), func(yield func([]*big.Rat) bool) {
		for j := range n {
			for i, k := range rows {
				column[i] = e.a[k][j]
			}
			if !yield(column) {
				return
			}
		}
	})
	if y == nil {
		return false
	}
	sign, sum, t := y[0].Sign(), new(big.Rat), new(big.Rat)
	for i, k := range rows {
		if y[i].Sign() == 0 || y[i].Sign() != sign {
			return false
		}
		sum.Add(sum, t.Mul(y[i], e.b[k]))
	}
	return sum.Sign() == -sign
}
