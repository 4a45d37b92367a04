package lp

import (
	"math"
	"math/big"

	"paspo/internal/exact"
)

// hard answers a query in rational arithmetic: one that CLP calls infeasible, or
// whose ends CLP did not prove. It first finds the least amount theta by which
// all limits must give,
//
//	min theta   s.t.   A_R a <= b - A_P a_P + theta s,  |E_R a - ...| <= theta s,  l - theta s <= a <= u + theta s,
//
// with the scales s of the residuals, then the ends on limits relaxed by it. Where
// theta is far above rounding, floating point finds it and rational arithmetic only
// proves it, see far.
func (w *clpWorker) hard(q *query) (*witnesses, error) {
	w.exact++
	var e *elastic
	if w.overPoints(q) {
		e = w.elasticPoints(q)
	} else {
		e = w.elasticRows(q)
	}
	if amount, conflict, ok := e.far(); ok && amount > w.tolerance {
		return nil, &InfeasibleError{Entity: q.entity, Amount: amount, Conflict: conflict}
	}
	theta, conflict := e.least()
	if amount := float(theta); amount > w.tolerance {
		return nil, &InfeasibleError{Entity: q.entity, Amount: amount, Conflict: conflict}
	}
	lo, ok := e.end(theta, false)
	if !ok {
		return nil, unboundedError(q, w.m.p)
	}
	hi, ok := e.end(theta, true)
	if !ok {
		return nil, unboundedError(q, w.m.p)
	}
	i := q.entity
	return &witnesses{lo: snap(float(lo), q.l[i], q.u[i]), hi: snap(float(hi), q.l[i], q.u[i])}, nil
}

// elastic is a program whose limits can give. Its last variable is theta.
type elastic struct {
	objective []*big.Rat
	a         [][]*big.Rat
	b         []*big.Rat
	names     []func() string
	lower     []*big.Rat
}

func rational(x float64) *big.Rat { return new(big.Rat).SetFloat64(x) }

func newElastic(vars int, excess float64) *elastic {
	e := &elastic{objective: make([]*big.Rat, vars+1), lower: make([]*big.Rat, vars+1)}
	for j := range e.objective {
		e.objective[j] = new(big.Rat)
	}
	e.lower[vars] = rational(excess)
	return e
}

// add states coef . x <= rhs + theta scale.
func (e *elastic) add(coef []*big.Rat, rhs *big.Rat, scale float64, name func() string) {
	row := make([]*big.Rat, len(e.objective))
	for j := range row {
		row[j] = new(big.Rat)
		if j < len(coef) {
			row[j].Set(coef[j])
		}
	}
	row[len(row)-1].Neg(rational(scale))
	e.a, e.b, e.names = append(e.a, row), append(e.b, rhs), append(e.names, name)
}

// both states the equality as two rows.
func (e *elastic) both(coef []*big.Rat, rhs *big.Rat, scale float64, name func() string) {
	e.add(coef, rhs, scale, name)
	neg := make([]*big.Rat, len(coef))
	for j, c := range coef {
		neg[j] = new(big.Rat).Neg(c)
	}
	e.add(neg, new(big.Rat).Neg(rhs), scale, name)
}

func (e *elastic) problem() *exact.Problem {
	return &exact.Problem{A: e.a, B: e.b, Eq: make([]bool, len(e.b)), Lower: e.lower, Upper: make([]*big.Rat, len(e.lower))}
}

// least returns the least theta and the names of the rows that enforce it.
func (e *elastic) least() (*big.Rat, []string) {
	p := e.problem()
	p.C = make([]*big.Rat, len(e.lower))
	for j := range p.C {
		p.C[j] = new(big.Rat)
	}
	p.C[len(p.C)-1].SetInt64(1)
	s, status := exact.Minimize(p)
	if status != exact.Optimal {
		panic("lp: limits that give do not give a solution")
	}
	var conflict []string
	if s.Value.Sign() > 0 {
		seen := map[string]bool{}
		for k, y := range s.Dual {
			if y.Sign() == 0 || e.names[k] == nil {
				continue
			}
			if name := e.names[k](); !seen[name] {
				seen[name] = true
				conflict = append(conflict, name)
			}
		}
	}
	return s.Value, conflict
}

// end returns the least or the largest objective on limits relaxed by theta.
func (e *elastic) end(theta *big.Rat, upper bool) (*big.Rat, bool) {
	p := e.problem()
	last := len(e.lower) - 1
	p.Lower = append(append([]*big.Rat(nil), e.lower[:last]...), theta)
	p.Upper[last] = theta
	p.C = e.objective
	if upper {
		p.C = make([]*big.Rat, len(e.objective))
		for j, c := range e.objective {
			p.C[j] = new(big.Rat).Neg(c)
		}
	}
	s, status := exact.Minimize(p)
	if status != exact.Optimal {
		return nil, false
	}
	if upper {
		s.Value.Neg(s.Value)
	}
	return s.Value, true
}

func (w *clpWorker) elasticRows(q *query) *elastic {
	n, i, p := w.m.n, q.entity, w.m.p
	e := newElastic(n-i, q.excess)
	e.objective[0].SetInt64(1)
	row := func(c []float64, rhs float64) (coef []*big.Rat, left *big.Rat) {
		left = rational(rhs)
		var t big.Rat
		for j, x := range c {
			if j >= i {
				coef = append(coef, rational(x))
				continue
			}
			left.Sub(left, t.Mul(rational(x), rational(q.prefix[j])))
		}
		return coef, left
	}
	for k, b := range q.b {
		if math.IsInf(b, 1) {
			continue
		}
		coef, left := row(p.a[k*n:(k+1)*n], b)
		e.add(coef, left, p.rowScale(k, b), func() string { return p.rowNames[k] })
	}
	for k, f := range q.f {
		coef, left := row(p.e[k*n:(k+1)*n], f)
		e.both(coef, left, p.eqScale(k, f), func() string { return p.eqNames[k] })
	}
	for j := i; j < n; j++ {
		unit := make([]*big.Rat, n-i)
		for c := range unit {
			unit[c] = new(big.Rat)
		}
		if u := q.u[j]; !math.IsInf(u, 0) {
			unit[j-i].SetInt64(1)
			e.add(unit, rational(u), p.entityScale(j, u), func() string { return p.boundName(isUpper, j, q.l, q.u) })
		}
		if l := q.l[j]; !math.IsInf(l, 0) {
			unit[j-i].SetInt64(-1)
			e.add(unit, rational(-l), p.entityScale(j, l), func() string { return p.boundName(isLower, j, q.l, q.u) })
		}
	}
	return e
}

// elasticPoints lets the prefix give instead of the rows, each entity by theta
// times its own scale, and with it limits of a state that cut a hull without facets.
func (w *clpWorker) elasticPoints(q *query) *elastic {
	i, pts := q.entity, w.m.points
	e := newElastic(len(pts), q.excess)
	ones := make([]*big.Rat, len(pts))
	for v, x := range pts {
		e.objective[v] = rational(x[i])
		e.lower[v] = new(big.Rat)
		ones[v] = big.NewRat(1, 1)
	}
	var name func() string
	if w.m.p.hull != nil {
		name = func() string { return hullName }
	}
	e.both(ones, big.NewRat(1, 1), 0, name)
	for j, a := range q.prefix[:i] {
		coef := make([]*big.Rat, len(pts))
		for v, x := range pts {
			coef[v] = rational(x[j])
		}
		e.both(coef, rational(a), w.m.p.entityScale(j, a), func() string { return w.m.p.entities[j] })
	}
	if !q.own {
		w.cutPoints(e, q)
	}
	return e
}

// cutPoints adds the limits of a state that the points do not imply.
func (w *clpWorker) cutPoints(e *elastic, q *query) {
	p := w.m.p
	n := p.Dim()
	row := func(c []float64, sign float64) []*big.Rat {
		coef := make([]*big.Rat, len(w.m.points))
		var t big.Rat
		for v, x := range w.m.points {
			coef[v] = new(big.Rat)
			for j, a := range c {
				if a != 0 {
					coef[v].Add(coef[v], t.Mul(rational(sign*a), rational(x[j])))
				}
			}
		}
		return coef
	}
	unit := make([]float64, n)
	for j := q.entity; j < n; j++ {
		unit[j] = 1
		if u := q.u[j]; u < p.u[j] {
			e.add(row(unit, 1), rational(u), p.entityScale(j, u), func() string { return p.boundName(isUpper, j, q.l, q.u) })
		}
		if l := q.l[j]; l > p.l[j] {
			e.add(row(unit, -1), rational(-l), p.entityScale(j, l), func() string { return p.boundName(isLower, j, q.l, q.u) })
		}
		unit[j] = 0
	}
	for k, f := range q.f {
		if c := p.e[k*n : (k+1)*n]; f != p.f[k] {
			e.both(row(c, 1), rational(f), p.eqScale(k, f), func() string { return p.eqNames[k] })
		}
	}
}
