package clp

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"

	"paspo/internal/exact"
	"paspo/lp"
	"paspo/lp/internal/program"
	"paspo/lp/internal/vec"
	"paspo/lp/interval/relay"
)

// relaxed answers a query in rational arithmetic: one that CLP calls infeasible, or
// whose endpoints CLP did not prove. It first finds the least amount theta by which
// all limits must be relaxed,
//
//	min theta   s.t.   A_R a <= b - A_P a_P + theta s,  |E_R a - ...| <= theta s,  l - theta s <= a <= u + theta s,
//
// with the scales s of the residuals, then the endpoints on limits relaxed by it. Where
// theta is far above rounding, floating point finds it and rational arithmetic only
// proves it, see far.
func (w *worker) relaxed(q *relay.Action) error {
	e := w.elastic(q)
	if err := w.excluded(q, e); err != nil {
		return err
	}
	theta, conflict, ok := e.least()
	if !ok {
		return fmt.Errorf("%w (interval of %s)", errExhausted, w.m.p.Entities()[q.Entity])
	}
	if amount := vec.Float(theta); amount > w.tolerance {
		return &lp.InfeasibleError{Entity: q.Entity, Amount: amount, Conflict: w.whole(q, conflict)}
	}
	// theta is rounded up to a short fraction, so that later arithmetic stays small.
	near := vec.Float(theta)
	if vec.Rational(near).Cmp(theta) < 0 {
		near = math.Nextafter(near, 1)
	}
	theta = vec.Rational(near)
	var endpoints [2]*big.Rat
	for side := range endpoints {
		x, status := e.endpoint(theta, side == 1)
		switch status {
		case exact.Optimal:
			endpoints[side] = x
		case exact.Exhausted:
			return fmt.Errorf("%w (interval of %s)", errExhausted, w.m.p.Entities()[q.Entity])
		default:
			return unboundedError(q, w.m.p)
		}
	}
	i := q.Entity
	q.Unproved(vec.Snap(vec.Float(endpoints[0]), q.L[i], q.U[i]), vec.Snap(vec.Float(endpoints[1]), q.L[i], q.U[i]))
	return nil
}

// excluded returns an *lp.InfeasibleError where what it takes to relax the limits is proved
// to be beyond the tolerance, and far above rounding.
func (w *worker) excluded(q *relay.Action, e *elastic) error {
	if amount, conflict, ok := e.far(); ok && amount > w.tolerance {
		return &lp.InfeasibleError{Entity: q.Entity, Amount: amount, Conflict: w.whole(q, conflict)}
	}
	return nil
}

// exactEffort and exactCells, coefficients, bound what it takes to tell whether some mix of
// points has a prefix exactly: some milliseconds.
const (
	exactEffort = 1_000_000
	exactCells  = 2048
)

// rowsEffort is the same over rows, for each program: some tenths of a second.
const rowsEffort = 200_000_000

// exactly answers q in rational arithmetic where some allocation has its prefix exactly. It
// reports whether it did: it may find that to take too long.
func (w *worker) exactly(q *relay.Action) bool {
	if q.Crossed() || q.Excess > 0 {
		return false
	}
	i := q.Entity
	if w.overPoints(q) {
		if len(w.m.points)*(i+1) > exactCells {
			return false
		}
		var endpoints [2]*big.Rat
		e, none := w.elasticPoints(q), new(big.Rat)
		e.effort = exactEffort
		for side := range endpoints {
			var status exact.Status
			if endpoints[side], status = e.endpoint(none, side == 1); status != exact.Optimal {
				return false
			}
		}
		q.Unproved(vec.Float(endpoints[0]), vec.Float(endpoints[1]))
		return true
	}
	r := program.Rational{A: w.m.form.A, B: q.B, E: w.m.form.E, F: q.F, L: q.L, U: q.U, Prefix: q.Prefix[:i], Effort: rowsEffort}
	c := make([]float64, w.m.n-i)
	c[0] = 1
	lo, ok := r.Minimize(c)
	if !ok {
		return false
	}
	c[0] = -1
	hi, ok := r.Minimize(c)
	if !ok {
		return false
	}
	q.Unproved(vec.Float(lo), -vec.Float(hi))
	return true
}

// elastic is a program whose limits can be relaxed. Its last variable is theta.
type elastic struct {
	objective []*big.Rat
	a         [][]*big.Rat
	b         []*big.Rat
	names     []func() string
	lower     []*big.Rat
	effort    int

	single []int     // the variable of a row that has one alone, else -1
	likely []float64 // multipliers in floating point, nil where there are none

	// broken names the bound that the prefix breaks most; theta is at least that violation.
	broken string
}

func (w *worker) elastic(q *relay.Action) *elastic {
	var e *elastic
	if w.overPoints(q) {
		e = w.elasticPoints(q)
	} else {
		e = w.elasticRows(q)
	}
	most := 0.
	for j, a := range q.Prefix[:q.Entity] {
		scale := max(w.m.form.Size[j], math.Abs(a))
		if x := (q.L[j] - a) / scale; x > most {
			most, e.broken = x, w.m.p.BoundName(j, false, q.L, q.U)
		}
		if x := (a - q.U[j]) / scale; x > most {
			most, e.broken = x, w.m.p.BoundName(j, true, q.L, q.U)
		}
	}
	return e
}

func newElastic(vars int, excess float64) *elastic {
	e := &elastic{objective: make([]*big.Rat, vars+1), lower: make([]*big.Rat, vars+1), effort: elasticEffort}
	for j := range e.objective {
		e.objective[j] = new(big.Rat)
	}
	e.lower[vars] = vec.Rational(excess)
	return e
}

// add states coef . x <= rhs + theta scale.
func (e *elastic) add(coef []*big.Rat, rhs *big.Rat, scale float64, name func() string) {
	row := make([]*big.Rat, len(e.objective))
	single, count := -1, 0
	for j := range row {
		row[j] = new(big.Rat)
		if j < len(coef) && coef[j].Sign() != 0 {
			row[j].Set(coef[j])
			single = j
			count++
		}
	}
	if count > 1 {
		single = -1
	}
	row[len(row)-1].Neg(vec.Rational(scale))
	e.a, e.b, e.names, e.single = append(e.a, row), append(e.b, rhs), append(e.names, name), append(e.single, single)
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

// elasticEffort bounds what one program in rational arithmetic takes: some seconds.
const elasticEffort = 2_000_000_000

var errExhausted = errors.New("lp: rational arithmetic takes too long for so large a program")

// cells returns how many numbers are in the tableaus of minimize.
func (e *elastic) cells() (primal, dual int) {
	n, m := len(e.lower), len(e.b)
	rows := 0
	for _, j := range e.single {
		if j < 0 {
			rows++
		}
	}
	return rows * (n + 2*rows), n * (m + 2*n)
}

// minimize returns the least cost, the last variable being theta where it is given,
// and multipliers of the rows, of one sign. The program must not be empty. Rational
// arithmetic gets the smaller of it and its dual,
//
//	max -y . (b - A l) + c . l   s.t.   A_j' y = -c_j, or >= -c_j where x_j >= l_j,   y >= 0.
func (e *elastic) minimize(cost []*big.Rat, theta *big.Rat) (value *big.Rat, multipliers []*big.Rat, status exact.Status) {
	n, b := len(e.lower), slices.Clone(e.b)
	t := new(big.Rat)
	if theta != nil {
		n--
		for k, row := range e.a {
			b[k] = new(big.Rat).Sub(b[k], t.Mul(row[n], theta))
		}
	}
	if primal, dual := e.cells(); primal <= dual {
		return e.primal(cost[:n], b)
	}
	return e.dual(cost[:n], b)
}

// primal counts every variable from one of its bounds, x_j = from_j + rate_j theta + sign_j y_j,
// from the one that is tight where floating point knows that. Its other one is a row, once the
// optimum breaks it.
func (e *elastic) primal(cost, b []*big.Rat) (value *big.Rat, multipliers []*big.Rat, status exact.Status) {
	n, last := len(cost), len(e.lower)-1
	base := slices.Repeat([]int{-1}, n)
	var in, out []int
	for k, j := range e.single {
		switch {
		case j < 0:
			in = append(in, k)
		case e.lower[j] != nil:
			out = append(out, k)
		case base[j] < 0:
			base[j] = k
		case e.tighter(k, base[j], j):
			out, base[j] = append(out, base[j]), k
		default:
			out = append(out, k)
		}
	}
	from, rate, sign := make([]*big.Rat, n), make([]*big.Rat, n), make([]int64, n)
	for j, k := range base {
		from[j], rate[j], sign[j] = new(big.Rat), new(big.Rat), 1
		if k >= 0 {
			c := e.a[k][j]
			from[j].Quo(b[k], c)
			rate[j].Quo(e.a[k][last], c)
			rate[j].Neg(rate[j])
			sign[j] = int64(-c.Sign())
		}
	}
	var t big.Rat
	// counted returns coef . x in y and theta, without its constant.
	counted := func(coef []*big.Rat) (row []*big.Rat, constant *big.Rat) {
		row, constant = make([]*big.Rat, n), new(big.Rat)
		for j := range row {
			row[j] = new(big.Rat).Set(coef[j])
		}
		for j, c := range coef[:min(n, last)] {
			if c.Sign() == 0 || base[j] < 0 {
				continue
			}
			constant.Add(constant, t.Mul(c, from[j]))
			if n > last {
				row[last].Add(row[last], t.Mul(c, rate[j]))
			}
			if sign[j] < 0 {
				row[j].Neg(row[j])
			}
		}
		return row, constant
	}
	p := &exact.Problem{Lower: make([]*big.Rat, n), Upper: make([]*big.Rat, n), Effort: e.effort}
	var constant *big.Rat
	p.C, constant = counted(cost)
	for {
		p.A, p.B, p.Eq = nil, nil, make([]bool, len(in))
		for _, k := range in {
			row, c := counted(e.a[k])
			p.A, p.B = append(p.A, row), append(p.B, c.Sub(b[k], c))
		}
		// Limits are multiplied so that no row has to be for the sake of its own.
		unit := new(big.Rat).SetInt(exact.CommonDenominator(p.B))
		for _, v := range p.B {
			v.Mul(v, unit)
		}
		for j := range n {
			if p.Lower[j] = e.lower[j]; base[j] >= 0 {
				p.Lower[j] = new(big.Rat)
			} else if e.lower[j] != nil {
				p.Lower[j] = new(big.Rat).Mul(e.lower[j], unit)
			}
		}
		s, status := exact.Minimize(p)
		if status == exact.Unbounded && len(out) > 0 {
			in, out = append(in, out...), nil
			continue
		}
		if status != exact.Optimal {
			return nil, nil, status
		}
		theta := new(big.Rat)
		if n > last {
			theta.Quo(s.X[last], unit)
		}
		met := len(in)
		out = slices.DeleteFunc(out, func(k int) bool {
			j := e.single[k]
			x := new(big.Rat).Mul(big.NewRat(sign[j], 1), s.X[j])
			x.Quo(x, unit)
			x.Add(x, from[j])
			x.Add(x, t.Mul(rate[j], theta))
			x.Mul(x, e.a[k][j])
			if n > last {
				x.Add(x, t.Mul(e.a[k][last], theta))
			}
			if x.Cmp(b[k]) <= 0 {
				return false
			}
			in = append(in, k)
			return true
		})
		if len(in) > met {
			continue
		}
		multipliers = make([]*big.Rat, len(b))
		for k := range multipliers {
			multipliers[k] = new(big.Rat)
		}
		for i, k := range in {
			multipliers[k] = s.Dual[i]
		}
		for j, k := range base {
			if k < 0 {
				continue
			}
			y := multipliers[k].Set(p.C[j])
			for i, row := range p.A {
				y.Sub(y, t.Mul(s.Dual[i], row[j]))
			}
			y.Quo(y, t.Abs(e.a[k][j]))
			y.Neg(y)
		}
		value = s.Value.Quo(s.Value, unit)
		return value.Add(value, constant), multipliers, status
	}
}

// tighter reports whether row k bounds its variable, rather than another row does.
func (e *elastic) tighter(k, other, j int) bool {
	if e.likely != nil && e.likely[k] != e.likely[other] {
		return e.likely[k] > e.likely[other]
	}
	return e.a[k][j].Sign() < 0 && e.a[other][j].Sign() > 0
}

func (e *elastic) dual(cost, b []*big.Rat) (value *big.Rat, multipliers []*big.Rat, status exact.Status) {
	n, m := len(cost), len(b)
	b = slices.Clone(b)
	t := new(big.Rat)
	p := &exact.Problem{B: make([]*big.Rat, n), Eq: make([]bool, n), Upper: make([]*big.Rat, m), Effort: e.effort}
	value = new(big.Rat)
	for j, l := range e.lower[:n] {
		column := make([]*big.Rat, m)
		p.Eq[j], p.B[j] = l == nil, new(big.Rat).Neg(cost[j])
		for k := range column {
			column[k] = e.a[k][j]
		}
		if l != nil {
			value.Add(value, t.Mul(cost[j], l))
			p.B[j] = cost[j]
			for k, v := range column {
				column[k] = new(big.Rat).Neg(v)
				b[k] = new(big.Rat).Sub(b[k], t.Mul(v, l))
			}
		}
		p.A = append(p.A, column)
	}
	p.C = b
	for range m {
		p.Lower = append(p.Lower, new(big.Rat))
	}
	s, status := exact.Minimize(p)
	switch status {
	case exact.Optimal:
		return value.Sub(value, s.Value), s.X, status
	case exact.Infeasible:
		return nil, nil, exact.Unbounded
	}
	return nil, nil, status
}

// least returns the least theta and the names of the rows that enforce it. ok is
// false where rational arithmetic does not find it.
func (e *elastic) least() (theta *big.Rat, conflict []string, ok bool) {
	cost := make([]*big.Rat, len(e.lower))
	for j := range cost {
		cost[j] = new(big.Rat)
	}
	cost[len(cost)-1].SetInt64(1)
	theta, multipliers, status := e.minimize(cost, nil)
	if status != exact.Optimal {
		return nil, nil, false
	}
	if theta.Sign() > 0 {
		seen := map[string]bool{}
		for k, y := range multipliers {
			if y.Sign() == 0 || e.names[k] == nil {
				continue
			}
			if name := e.names[k](); !seen[name] {
				seen[name] = true
				conflict = append(conflict, name)
			}
		}
		if len(conflict) == 0 && e.broken != "" {
			conflict = []string{e.broken}
		}
	}
	return theta, conflict, true
}

// endpoint returns the least or the largest objective on limits relaxed by theta.
func (e *elastic) endpoint(theta *big.Rat, upper bool) (*big.Rat, exact.Status) {
	cost := e.objective
	if upper {
		cost = make([]*big.Rat, len(e.objective))
		for j, c := range e.objective {
			cost[j] = new(big.Rat).Neg(c)
		}
	}
	value, _, status := e.minimize(cost, theta)
	if status == exact.Optimal && upper {
		value.Neg(value)
	}
	return value, status
}

func (w *worker) elasticRows(q *relay.Action) *elastic {
	n, i, p, form := w.m.n, q.Entity, w.m.p, &w.m.form
	e := newElastic(n-i, q.Excess)
	e.objective[0].SetInt64(1)
	_, _, rowNames := p.Inequalities()
	_, _, eqNames := p.Equalities()
	row := func(c []float64, rhs float64) (coef []*big.Rat, left *big.Rat) {
		return vec.Rationals(c[i:]), exact.Less(vec.Rational(rhs), vec.Rationals(c[:i]), vec.Rationals(q.Prefix[:i]))
	}
	for k, b := range q.B {
		if math.IsInf(b, 1) {
			continue
		}
		coef, left := row(form.A[k*n:(k+1)*n], b)
		e.add(coef, left, form.RowScale(k, b), func() string { return rowNames[k] })
	}
	for k, f := range q.F {
		coef, left := row(form.E[k*n:(k+1)*n], f)
		e.both(coef, left, form.EqScale(k, f), func() string { return eqNames[k] })
	}
	for j := i; j < n; j++ {
		unit := make([]*big.Rat, n-i)
		for c := range unit {
			unit[c] = new(big.Rat)
		}
		if u := q.U[j]; !math.IsInf(u, 0) {
			unit[j-i].SetInt64(1)
			e.add(unit, vec.Rational(u), form.EntityScale(j, u), func() string { return p.BoundName(j, true, q.L, q.U) })
		}
		if l := q.L[j]; !math.IsInf(l, 0) {
			unit[j-i].SetInt64(-1)
			e.add(unit, vec.Rational(-l), form.EntityScale(j, l), func() string { return p.BoundName(j, false, q.L, q.U) })
		}
	}
	return e
}

// elasticPoints relaxes the prefix in place of the rows, each entity by theta
// times its own scale, and with it limits of a state that cut a hull without facets.
func (w *worker) elasticPoints(q *relay.Action) *elastic {
	i, pts := q.Entity, w.m.points
	e := newElastic(len(pts), q.Excess)
	ones := make([]*big.Rat, len(pts))
	for v, x := range pts {
		e.objective[v] = vec.Rational(x[i])
		e.lower[v] = new(big.Rat)
		ones[v] = big.NewRat(1, 1)
	}
	var name func() string
	if w.m.p.HullOnly() {
		name = func() string { return lp.HullName }
	}
	e.both(ones, big.NewRat(1, 1), 0, name)
	for j, a := range q.Prefix[:i] {
		coef := make([]*big.Rat, len(pts))
		for v, x := range pts {
			coef[v] = vec.Rational(x[j])
		}
		e.both(coef, vec.Rational(a), w.m.form.EntityScale(j, a), func() string { return w.m.p.Entities()[j] })
	}
	if !q.Own {
		w.cutPoints(e, q)
	}
	return e
}

// cutPoints adds the limits of a state that the points do not imply.
func (w *worker) cutPoints(e *elastic, q *relay.Action) {
	p, form := w.m.p, &w.m.form
	n := p.Dim()
	_, _, eqNames := p.Equalities()
	row := func(c []float64, sign float64) []*big.Rat {
		coef := make([]*big.Rat, len(w.m.points))
		var t big.Rat
		for v, x := range w.m.points {
			coef[v] = new(big.Rat)
			for j, a := range c {
				if a != 0 {
					coef[v].Add(coef[v], t.Mul(vec.Rational(sign*a), vec.Rational(x[j])))
				}
			}
		}
		return coef
	}
	unit := make([]float64, n)
	for j := q.Entity; j < n; j++ {
		unit[j] = 1
		if u := q.U[j]; u < form.U[j] {
			e.add(row(unit, 1), vec.Rational(u), form.EntityScale(j, u), func() string { return p.BoundName(j, true, q.L, q.U) })
		}
		if l := q.L[j]; l > form.L[j] {
			e.add(row(unit, -1), vec.Rational(-l), form.EntityScale(j, l), func() string { return p.BoundName(j, false, q.L, q.U) })
		}
		unit[j] = 0
	}
	for k, f := range q.F {
		if c := form.E[k*n : (k+1)*n]; f != form.F[k] {
			e.both(row(c, 1), vec.Rational(f), form.EqScale(k, f), func() string { return eqNames[k] })
		}
	}
}
