package lp

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"sync"

	"paspo/lp/internal/program"
	"paspo/lp/internal/units"
	"paspo/lp/internal/vec"
)

// lift returns p, which is a hull without facets, as rows over allocations and
// weights of the points,
//
//	{ (a, w): V' w = a,  sum w = 1,  0 <= w <= 1,  E a = e,  l <= a <= u },
//
// in this order, with any bounds and right-hand sides that p can have. Its last
// equalities are those of the hull.
func (p *Polytope) lift() *Polytope { return p.hull.lifted() }

// lifting returns what makes the lifted polytope when it is first needed.
func (p *Polytope) lifting() func() *Polytope {
	return sync.OnceValue(func() *Polytope {
		n, k := p.Dim(), len(p.points)
		q := &Polytope{name: p.name, entities: slices.Clone(p.entities), budget: p.budget, weights: k, known: &known{}}
		for v := range k {
			q.entities = append(q.entities, fmt.Sprintf("weight of point %d", v+1))
		}
		if p.units != nil {
			q.units = &units.Units{Amount: slices.Concat(p.units.Amount, slices.Repeat([]float64{1}, k)), Eq: p.units.Eq}
		}
		q.form.L = append(slices.Clone(p.form.L), make([]float64, k)...)
		q.form.U = append(slices.Clone(p.form.U), slices.Repeat([]float64{1}, k)...)
		row := func(name string, f float64) []float64 {
			at := len(q.form.E)
			q.form.E = append(q.form.E, make([]float64, n+k)...)
			q.form.F, q.eqNames = append(q.form.F, f), append(q.eqNames, name)
			return q.form.E[at:]
		}
		for x, f := range p.form.F {
			copy(row(p.eqNames[x], f), p.form.E[x*n:(x+1)*n])
		}
		sum := row(HullName, 1)
		for v := range k {
			sum[n+v] = 1
		}
		for j := range n {
			r := row(HullName, 0)
			r[j] = -1
			for v, x := range p.points {
				r[n+v] = x[j]
			}
		}
		q.setSizes(append(slices.Clone(p.form.Size), slices.Repeat([]float64{1}, k)...))
		return q
	})
}

// liftLimits returns limits of p as those of the lifted polytope.
func (p *Polytope) liftLimits(lim *Limits) *Limits {
	if lim == nil {
		return nil
	}
	q := p.lift()
	_, f, l, u := p.Resolve(lim)
	n, k := p.Dim(), len(p.form.F)
	return &Limits{
		E:     slices.Concat(f, q.form.F[k:]),
		Lower: slices.Concat(l, q.form.L[n:]),
		Upper: slices.Concat(u, q.form.U[n:]),
	}
}

// hullConflict is conflict of a hull without facets. Its bounds follow from its
// points, so that only those of the state that cut it further can be in the way.
func (p *Polytope) hullConflict(lim *Limits) (names []string, amount float64) {
	if lim == nil {
		return nil, 0
	}
	if names, amount := p.beyondPoints(lim); names != nil {
		return names, amount
	}
	q := p.liftLimits(lim)
	for j := range p.entities {
		if q.Lower[j] <= p.form.L[j] {
			q.Lower[j] = math.Inf(-1)
		}
		if q.Upper[j] >= p.form.U[j] {
			q.Upper[j] = math.Inf(1)
		}
	}
	return p.lift().conflict(q)
}

// beyondPoints returns the conflict of the hull with one limit that none of its points
// satisfies, from one side, and nil where there is none.
func (p *Polytope) beyondPoints(lim *Limits) (names []string, amount float64) {
	_, f, l, u := p.Resolve(lim)
	n := p.Dim()
	try := func(kind program.Kind, k int, gap, scale float64) {
		if by := gap / scale; by > max(amount, program.Emptiness) {
			names, amount = []string{HullName, p.constraintName(kind, k, lim)}, by
		}
	}
	for j := range n {
		least, most := math.Inf(1), math.Inf(-1)
		for _, v := range p.points {
			least, most = min(least, v[j]), max(most, v[j])
		}
		try(program.OfLower, j, l[j]-most, max(1, math.Abs(l[j])))
		try(program.OfUpper, j, least-u[j], max(1, math.Abs(u[j])))
	}
	t := new(big.Rat)
	for k, v := range f {
		if v == p.form.F[k] {
			continue
		}
		var least, most *big.Rat
		for _, x := range p.points {
			sum := new(big.Rat)
			for j, c := range p.form.E[k*n : (k+1)*n] {
				sum.Add(sum, t.Mul(vec.Rational(c), vec.Rational(x[j])))
			}
			if least == nil || sum.Cmp(least) < 0 {
				least = sum
			}
			if most == nil || sum.Cmp(most) > 0 {
				most = sum
			}
		}
		scale := max(1, math.Abs(v))
		try(program.OfEquality, k, vec.Float(t.Sub(least, vec.Rational(v))), scale)
		try(program.OfEquality, k, vec.Float(t.Sub(vec.Rational(v), most)), scale)
	}
	return names, amount
}

// minimizeLifted is Minimize under limits of a state: over the weights of the points, so
// that what it finds is of the hull, however few points satisfy the limits.
func (p *Polytope) minimizeLifted(c []float64, lim *Limits) (x []float64, value float64, err error) {
	n, k := p.Dim(), len(p.points)
	_, f, l, u := p.Resolve(lim)
	// Limits that exclude one another are relaxed, not the weights.
	const little = 1e-3
	q := &program.Program{C: make([]float64, k), L: make([]float64, k), U: slices.Repeat([]float64{1}, k), Size: slices.Repeat([]float64{little}, k)}
	over := func(row []float64, sign float64) (out []float64) {
		for _, v := range p.points {
			out = append(out, sign*vec.Dot(row, v))
		}
		return out
	}
	copy(q.C, over(c, 1))
	q.E, q.F, q.EqSize = slices.Repeat([]float64{1}, k), []float64{1}, []float64{1}
	equalities, rows := []string{HullName}, []string(nil)
	for x, v := range f {
		if v != p.form.F[x] {
			q.E, q.F, q.EqSize = append(q.E, over(p.form.E[x*n:(x+1)*n], 1)...), append(q.F, v), append(q.EqSize, p.form.EqSize[x])
			equalities = append(equalities, p.constraintName(program.OfEquality, x, lim))
		}
	}
	unit := make([]float64, n)
	for j := range n {
		unit[j] = 1
		if u[j] < p.form.U[j] {
			q.A, q.B, q.RowSize = append(q.A, over(unit, 1)...), append(q.B, u[j]), append(q.RowSize, p.form.Size[j])
			rows = append(rows, p.constraintName(program.OfUpper, j, lim))
		}
		if l[j] > p.form.L[j] {
			q.A, q.B, q.RowSize = append(q.A, over(unit, -1)...), append(q.B, -l[j]), append(q.RowSize, p.form.Size[j])
			rows = append(rows, p.constraintName(program.OfLower, j, lim))
		}
		unit[j] = 0
	}
	w, _, err := q.Optimum()
	if errors.Is(err, program.ErrInfeasible) {
		name := func(r program.Limit) string {
			switch r.Kind {
			case program.OfRow:
				return rows[r.Index]
			case program.OfEquality:
				return equalities[r.Index]
			}
			return HullName
		}
		if core, amount := q.Conflict(name); core != nil {
			return nil, 0, &EmptyError{Name: p.name, Conflict: namesOf(core, name), Amount: amount}
		}
	}
	if err != nil {
		return nil, 0, p.refusal(err, lim)
	}
	sum := 0.
	for _, v := range w {
		sum += max(0, v)
	}
	x = make([]float64, n)
	for v, share := range w {
		for j, at := range p.points[v] {
			x[j] += max(0, share) / sum * at
		}
	}
	for j := range x {
		x[j] = vec.Snap(x[j], l[j], u[j])
	}
	if r, name := p.WorstConstraint(x, lim); !(r <= Feasibility) {
		if names, amount := p.hullConflict(lim); names != nil {
			return nil, 0, &EmptyError{Name: p.name, Conflict: names, Amount: amount}
		}
		return nil, 0, fmt.Errorf("lp: CLP finds no point of %s: it violates %s by a scaled %g", p.Describe(), name, r)
	}
	value, _ = vec.DotScale(c, x)
	return x, value, nil
}
