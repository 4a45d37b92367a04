package basis

import (
	"errors"
	"math"
	"math/big"

	"paspo/lp/internal/vec"
)

var errSingular = errors.New("basis: singular")

// multipliers computes the multipliers y of the tight rows of a basis, and the reduced
// costs z = c - A' y of all columns. The value of the duals is made of y and of the z below 0.
// It rounds each of these once, to the float64 next to the exact number. So they depend on
// the vertex of the dual alone: several bases of one vertex yield the same bits.
//
// It refines y in twice the precision and bounds the error that is left. Where the bound
// does not say how to round, it solves for y in rational arithmetic.
type multipliers struct {
	rows, cols []int // of the block (see restrict): indices into tight and cols of p

	b, inv, off []float64 // the block, its inverse, inv b - I
	c           []float64
	y           []pair
	err         []float64
	res, size   []float64 // c - y' b, and the terms of it
	terms       []float64 // of the reduced costs
	basic       []bool
	exact       []*big.Rat
}

// good is the largest defect of an inverse with which y can be refined.
const good = 1e-5

// compute writes y and z of p. inv is about the inverse of its basis.
func (d *multipliers) compute(p *Duals, inv []float64) error {
	g := p.g
	p.y, p.z = vec.Grown(p.y, len(p.tight)), vec.Grown(p.z, g.N)
	clear(p.y)
	costs := false
	for _, j := range p.cols {
		costs = costs || g.C[j] != 0
	}
	if !costs {
		copy(p.z, g.C)
		return nil
	}
	d.exact = nil
	d.restrict(p, inv)
	n := len(d.rows)
	bound := defect(d.off, d.inv, d.b, n)
	if !(bound < good) {
		// The inverse has lost its precision over many pivots.
		if !invert(d.inv, d.b, n) {
			return errSingular
		}
		if bound = defect(d.off, d.inv, d.b, n); !(bound < good) {
			return errSingular
		}
	}
	d.begin()
	sure := false
	for range 2 {
		if d.refine(bound); d.round(p) {
			sure = true
			break
		}
	}
	if !sure {
		if err := d.settle(p); err != nil {
			return err
		}
	}
	return d.reduced(p)
}

// restrict finds a block of the basis that is enough to compute y from, since a small
// system is solved faster. The rows K of the block are those whose multiplier is not about
// 0. Its columns are those with a cost or a coefficient in K. If there are as many of them
// as rows in K, the multipliers of all other rows are exactly 0, and the block determines
// those of K. Otherwise the block is the whole basis.
func (d *multipliers) restrict(p *Duals, inv []float64) {
	g, q := p.g, len(p.tight)
	y := vec.Grown(d.res, q)
	clear(y)
	for a, j := range p.cols {
		if c := g.C[j]; c != 0 {
			for k, v := range inv[a*q : (a+1)*q] {
				y[k] += c * v
			}
		}
	}
	const none = 1e-11
	tiny := none * vec.MaxAbs(y)
	d.rows, d.cols = d.rows[:0], d.cols[:0]
	for k, v := range y {
		if abs(v) > tiny {
			d.rows = append(d.rows, k)
		}
	}
	if len(d.rows) < q {
		for a, j := range p.cols {
			in := g.C[j] != 0
			for _, k := range d.rows {
				in = in || g.A[p.tight[k]*g.N+j] != 0
			}
			if in {
				d.cols = append(d.cols, a)
			}
		}
	}
	if len(d.rows) != len(d.cols) {
		d.rows, d.cols = d.rows[:0], d.cols[:0]
		for k := range q {
			d.rows, d.cols = append(d.rows, k), append(d.cols, k)
		}
	}
	n := len(d.rows)
	d.b, d.inv, d.off = vec.Grown(d.b, n*n), vec.Grown(d.inv, n*n), vec.Grown(d.off, n*n)
	d.c, d.res, d.size = vec.Grown(d.c, n), y[:n], vec.Grown(d.size, n)
	d.y, d.err = vec.Grown(d.y, n), vec.Grown(d.err, n)
	for x, a := range d.cols {
		j := p.cols[a]
		d.c[x] = g.C[j]
		for y, k := range d.rows {
			d.b[y*n+x] = g.A[p.tight[k]*g.N+j]
			d.inv[x*n+y] = inv[a*q+k]
		}
	}
}

// begin computes y from the inverse, which is the first approximation.
func (d *multipliers) begin() {
	n := len(d.rows)
	clear(d.y)
	for a, c := range d.c {
		if c != 0 {
			for k, v := range d.inv[a*n : (a+1)*n] {
				d.y[k].hi += c * v
			}
		}
	}
	d.residual()
}

// refine corrects y by one step and bounds the errors that are left. defect bounds the
// elements of inv b - I. So the exact inverse differs from inv by at most twice the defect
// times the sums of the columns of |inv|.
func (d *multipliers) refine(defect float64) {
	n := len(d.rows)
	for a, v := range d.res {
		if v != 0 {
			for k, x := range d.inv[a*n : (a+1)*n] {
				d.err[k] += v * x
			}
		}
	}
	for k, v := range d.err {
		d.y[k] = d.y[k].add(v)
	}
	d.residual()
	total := 0.
	for a, v := range d.res {
		d.size[a] = abs(v) + float64(n+1)*pairUnit*d.size[a]
		total += d.size[a]
	}
	for a, v := range d.size {
		// The inverse is not exact, which adds twice the defect in every row.
		v += 2 * defect * total
		for k, x := range d.inv[a*n : (a+1)*n] {
			d.err[k] += v * abs(x)
		}
	}
	for k := range d.err {
		d.err[k] *= 1 + 1e-10
	}
}

// residual computes c - y' b, and sets the bounds of the errors to 0.
func (d *multipliers) residual() {
	n := len(d.rows)
	clear(d.err)
	for a := range n {
		r, s := pair{hi: d.c[a]}, abs(d.c[a])
		for k, y := range d.y {
			if v := d.b[k*n+a]; v != 0 {
				r = r.subProduct(v, y)
				s += abs(v * y.hi)
			}
		}
		d.res[a], d.size[a] = r.hi, s
	}
}

// round writes the rounded multipliers to p. It returns false where the error of one leaves
// two float64 possible.
func (d *multipliers) round(p *Duals) bool {
	for x, k := range d.rows {
		var ok bool
		if p.y[k], ok = d.y[x].rounded(d.err[x]); !ok {
			return false
		}
	}
	return true
}

// settle solves for the multipliers in rational arithmetic, which is slow and exact, unless
// it has done so for this basis.
func (d *multipliers) settle(p *Duals) error {
	if d.exact != nil {
		return nil
	}
	if d.exact = d.guessed(); d.exact == nil {
		d.exact = solveRational(d.b, d.c)
	}
	if d.exact == nil {
		return errSingular
	}
	for x, k := range d.rows {
		v := d.exact[x]
		p.y[k], _ = v.Float64()
		d.y[x].hi = p.y[k]
		d.y[x].lo, _ = new(big.Rat).Sub(v, vec.Rational(p.y[k])).Float64()
		d.err[x] = abs(d.y[x].lo) * unit
	}
	return nil
}

// guessed returns the multipliers where they are short binary fractions, as where rows have ones
// alone, nil where they are not. They are next to what refinement found, and right where they solve
// the system without any rounding: the block has one solution.
func (d *multipliers) guessed() []*big.Rat {
	const fraction = 1 << 20
	n := len(d.rows)
	y := make([]float64, n)
	for k, v := range d.y {
		y[k] = math.Round(v.hi*fraction) / fraction
		if !(abs(y[k]-v.hi) <= d.err[k]+abs(v.lo)) {
			return nil
		}
	}
	for a, sum := range d.c {
		for k, v := range y {
			c := d.b[k*n+a]
			if c == 0 || v == 0 {
				continue
			}
			t := -c * v
			s, rest := twoSum(sum, t)
			if rest != 0 || math.FMA(-c, v, -t) != 0 {
				return nil
			}
			sum = s
		}
		if sum != 0 {
			return nil
		}
	}
	return vec.Rationals(y)
}

// reduced writes the reduced costs to p. It takes time for exact rounding only where the
// value of the duals may depend on it.
func (d *multipliers) reduced(p *Duals) error {
	g := p.g
	d.terms, d.basic = vec.Grown(d.terms, g.N), vec.Grown(d.basic, g.N)
	g.reduced(p.z, d.terms, p.tight, p.y)
	clear(d.basic)
	for _, j := range p.cols {
		d.basic[j] = true
	}
	for j, z := range p.z {
		switch {
		case d.basic[j]:
			p.z[j] = 0
		case !g.positive(z, d.terms[j]) && d.terms[j] != 0:
			if err := d.column(p, j); err != nil {
				return err
			}
		}
	}
	return nil
}

// reduced computes the reduced costs z of the rounded multipliers, and for each the sum
// of the magnitudes of its terms. It skips rows whose multiplier is 0, so that bases with
// the same duals yield the same bits.
func (g *Program) reduced(z, terms []float64, tight []int, y []float64) {
	for j, c := range g.C {
		z[j], terms[j] = c, abs(c)
	}
	terms = terms[:len(z)]
	for k, f := range y {
		if f == 0 {
			continue
		}
		for j, v := range g.A[tight[k]*g.N:][:len(z)] {
			t := f * v
			z[j] -= t
			terms[j] += abs(t)
		}
	}
}

// positive reports whether a reduced cost z is above 0 by more than rounding can cause.
// terms is the sum of the magnitudes of its terms. No value of duals depends on such a z,
// so nobody has to know it exactly.
func (g *Program) positive(z, terms float64) bool { return z > float64(2*g.M+4)*unit*terms }

// column writes the reduced cost of column j, rounded once from the exact number.
func (d *multipliers) column(p *Duals, j int) error {
	g := p.g
	z := pair{hi: g.C[j]}
	bound := float64(len(d.rows)+1) * 2 * pairUnit * d.terms[j]
	for x, k := range d.rows {
		if v := g.A[p.tight[k]*g.N+j]; v != 0 {
			z = z.subProduct(v, d.y[x])
			bound += abs(v) * d.err[x]
		}
	}
	var sure bool
	if p.z[j], sure = z.rounded(bound); sure {
		return nil
	}
	if d.twin(p, j) {
		p.z[j] = 0
		return nil
	}
	if err := d.settle(p); err != nil {
		return err
	}
	v := vec.Rational(g.C[j])
	var t big.Rat
	for x, k := range d.rows {
		if c := g.A[p.tight[k]*g.N+j]; c != 0 {
			v.Sub(v, t.Mul(vec.Rational(c), d.exact[x]))
		}
	}
	p.z[j], _ = v.Float64()
	return nil
}

// twin reports whether there is a basic column with the cost of column j, and with its
// coefficients in all rows that have a multiplier. The reduced cost of j is exactly 0 then,
// as that of the basic column is.
func (d *multipliers) twin(p *Duals, j int) bool {
	g := p.g
next:
	for _, o := range p.cols {
		if g.C[o] != g.C[j] {
			continue
		}
		for _, k := range d.rows {
			if row := p.tight[k] * g.N; p.y[k] != 0 && g.A[row+o] != g.A[row+j] {
				continue next
			}
		}
		return true
	}
	return false
}
