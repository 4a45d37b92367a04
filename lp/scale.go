package lp

import (
	"math"
	"slices"

	"paspo/lp/internal/program"
	"paspo/lp/internal/vec"
)

// units say what the canonical form of a polytope is measured in: see Units.
type units struct{ amount, row, eq []float64 }

// sameUnit is the size of an entity, against the total, from which on it has the unit
// of the total: a digit or two of tolerance are no reason for a unit of its own.
const sameUnit = 1. / 64

// unitOf returns the power of two at or below x > 0. What is a power of two but for
// rounding counts as one.
func unitOf(x float64) float64 {
	return math.Ldexp(1, max(-500, min(math.Ilogb(x*(1+1e-6)), 500)))
}

// Canonical returns the form of p in which all amounts and rows have a size of about
// 1, so that tolerances mean the same whatever units the user has. It is p itself
// where that is so already. Everything but what belongs to the user, such as
// residuals, is computed in it.
func (p *Polytope) Canonical() *Polytope {
	if p.canon == nil {
		return p
	}
	return p.canon
}

// Units returns the units of a canonical form that is another polytope's: amounts are
// a_j / amount_j, rows A_kj amount_j / row_k and b_k / row_k, equalities likewise. All are
// powers of two, so that converting rounds nothing. They are nil of any other polytope and
// must not be modified.
func (p *Polytope) Units() (amount, row, eq []float64) {
	if p.units == nil {
		return nil, nil, nil
	}
	return p.units.amount, p.units.row, p.units.eq
}

// setSizes sets the sizes of entities, and with them what residuals of rows and
// equalities are measured in. A size of 0 gives way to the largest.
func (p *Polytope) setSizes(s []float64) {
	p.form.SetSizes(filled(s))
}

// Form returns the numbers of p. They must not be modified.
func (p *Polytope) Form() program.Form { return p.form }

// filled returns sizes with the largest in place of 0.
func filled(s []float64) []float64 {
	most := vec.MaxAbs(s)
	if most == 0 {
		most = 1
	}
	out := slices.Clone(s)
	for j, v := range out {
		if v == 0 {
			out[j] = most
		}
	}
	return out
}

// Sizes returns the size of every entity: its largest magnitude in the polytope, or
// where that is 0 the largest of all. The slice must not be modified.
func (p *Polytope) Sizes() []float64 { return p.form.Size }

// RowSizes returns what residuals of inequalities and equalities are measured in
// beside their right-hand sides, sum_j |A_kj| s_j with s the sizes of entities. The
// slices must not be modified.
func (p *Polytope) RowSizes() (rows, equalities []float64) { return p.form.RowSize, p.form.EqSize }

// amountUnits returns the units of amounts for entities of the given sizes: one unit
// for all but those that are small beside the others.
func (p *Polytope) amountUnits(s []float64) []float64 {
	most := vec.MaxAbs(s)
	if most == 0 {
		most = 1
	}
	if p.budget {
		if t := math.Abs(p.form.F[0]); most >= sameUnit*t {
			most = max(most, t)
		}
	}
	d := make([]float64, len(s))
	for j, v := range s {
		if v == 0 || v >= sameUnit*most {
			v = most
		}
		d[j] = unitOf(v)
	}
	return d
}

// rowUnit returns the unit of a row over entities of the given sizes.
func rowUnit(row, s []float64) float64 {
	most := 0.
	for j, c := range row {
		most = max(most, math.Abs(c)*s[j])
	}
	if most == 0 || !(most <= math.MaxFloat64) {
		return 1
	}
	return math.Ldexp(1, max(-1000, min(math.Ilogb(most*(1+1e-6)), 1000)))
}

// in returns p in the given units of amounts, for entities of sizes s. It is p itself
// where all units are 1.
func (p *Polytope) in(d, s []float64) *Polytope {
	n := p.Dim()
	q := &Polytope{
		name: p.name, entities: p.entities, rowNames: p.rowNames, eqNames: p.eqNames,
		hull: p.hull, narrow: p.narrow, weights: p.weights, auxiliary: p.auxiliary, budget: p.budget,
	}
	q.units = &units{amount: d}
	rows := func(a, b []float64) (scaledA, scaledB, r []float64) {
		scaledA, scaledB, r = make([]float64, len(a)), make([]float64, len(b)), make([]float64, len(b))
		for k, v := range b {
			r[k] = rowUnit(a[k*n:(k+1)*n], s)
			scaleRow(scaledA[k*n:(k+1)*n], a[k*n:(k+1)*n], d, r[k])
			scaledB[k] = v / r[k]
		}
		return scaledA, scaledB, r
	}
	q.form.A, q.form.B, q.units.row = rows(p.form.A, p.form.B)
	q.form.E, q.form.F, q.units.eq = rows(p.form.E, p.form.F)
	if !slices.ContainsFunc(slices.Concat(d, q.units.row, q.units.eq), func(x float64) bool { return x != 1 }) {
		return p
	}
	q.form.L, q.form.U = over(p.form.L, d), over(p.form.U, d)
	for _, v := range p.points {
		q.points = append(q.points, over(v, d))
	}
	if p.form.Size != nil {
		q.setSizes(over(p.form.Size, d))
	}
	return q
}

// scaleRow writes a row over amounts in units d, in units of r.
func scaleRow(dst, row, d []float64, r float64) {
	for j, c := range row {
		if c != 0 {
			c = c * d[j] / r
		}
		dst[j] = c
	}
}

// over returns x_j / d_j, times x_j d_j; nil of nil.
func over(x, d []float64) []float64 {
	if x == nil {
		return nil
	}
	y := make([]float64, len(x))
	for j, v := range x {
		y[j] = v / d[j]
	}
	return y
}

func times(x, d []float64) []float64 {
	y := make([]float64, len(x))
	for j, v := range x {
		y[j] = v * d[j]
	}
	return y
}

// amounts returns canonical amounts from those of the user.
func (p *Polytope) amounts(x []float64) []float64 {
	if p.Canonical() == p {
		return x
	}
	return over(x, p.canon.units.amount)
}

// stated returns amounts of the user from canonical ones.
func (p *Polytope) stated(x []float64) []float64 {
	if p.Canonical() == p {
		return x
	}
	return times(x, p.canon.units.amount)
}

// costs returns what the canonical amounts cost, up to a factor that makes the
// largest about 1.
func (p *Polytope) costs(c []float64) []float64 {
	y := times(c, p.canon.units.amount)
	if most := vec.MaxAbs(y); most > 0 {
		by := unitOf(most)
		for j := range y {
			y[j] /= by
		}
	}
	return y
}

// canonicalLimits returns limits of the canonical form. It panics where one has a bad
// length.
func (p *Polytope) canonicalLimits(lim *Limits) *Limits {
	if lim == nil || p.Canonical() == p {
		return lim
	}
	var c LimitConverter
	return c.Convert(p, lim)
}

// LimitConverter converts the limits of one state to the canonical form, into memory
// of its own.
type LimitConverter struct {
	out                         Limits
	b, e, lower, upper, a, unit []float64
}

// Convert returns limits that hold until the next call.
func (c *LimitConverter) Convert(p *Polytope, lim *Limits) *Limits {
	q := p.canon
	b, _, _, _ := p.Resolve(lim)
	d := q.units.amount
	rows := q.units.row
	c.out = Limits{A: lim.A}
	if lim.A != nil && p.hull == nil {
		if len(lim.A) != len(p.form.A) {
			panic(badLength)
		}
		n := p.Dim()
		c.a, c.unit = vec.Grown(c.a, len(lim.A)), vec.Grown(c.unit, len(b))
		rows = c.unit
		for k := range rows {
			row := lim.A[k*n : (k+1)*n]
			rows[k] = rowUnit(row, p.form.Size)
			scaleRow(c.a[k*n:(k+1)*n], row, d, rows[k])
		}
		c.out.A = c.a
	}
	// quotients returns x over units, nil of nil.
	quotients := func(keep *[]float64, x, unit []float64) []float64 {
		if x == nil {
			return nil
		}
		*keep = vec.Grown(*keep, len(x))
		for k, v := range x {
			(*keep)[k] = v / unit[k]
		}
		return *keep
	}
	if lim.B != nil || c.out.A != nil {
		c.out.B = quotients(&c.b, b, rows)
	}
	c.out.E = quotients(&c.e, lim.E, q.units.eq)
	c.out.Lower, c.out.Upper = quotients(&c.lower, lim.Lower, d), quotients(&c.upper, lim.Upper, d)
	return &c.out
}
