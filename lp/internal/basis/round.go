package basis

import (
	"math"
	"math/big"

	"paspo/internal/exact"
	"paspo/lp/internal/vec"
)

// pair is the unevaluated sum hi + lo with |lo| at most half a unit in the last
// place of hi (Dekker, A floating-point technique for extending the available
// precision, 1971).
type pair struct{ hi, lo float64 }

func twoSum(a, b float64) (s, e float64) {
	s = a + b
	t := s - a
	return s, (a - (s - t)) + (b - t)
}

func (p pair) add(x float64) pair {
	s, e := twoSum(p.hi, x)
	s, e = twoSum(s, e+p.lo)
	return pair{s, e}
}

// subProduct returns p - a y.
func (p pair) subProduct(a float64, y pair) pair {
	h := a * y.hi
	e := math.FMA(a, y.hi, -h) + a*y.lo
	s, t := twoSum(p.hi, -h)
	s, t = twoSum(s, t+(p.lo-e))
	return pair{s, t}
}

// pairUnit bounds the relative error of a step of subProduct.
const pairUnit = 0x1p-98

// rounded returns the float64 next to an exact number that differs from p by at most err.
// The second result says whether that float64 is certain.
func (p pair) rounded(err float64) (float64, bool) {
	a, b := p.hi+(p.lo-err), p.hi+(p.lo+err)
	if a != b || a == 0 && err != 0 {
		return 0, false
	}
	return a + 0, true
}

// solveRational solves x' B = c, B being q x q, in rational arithmetic. It returns
// nil where B is singular.
func solveRational(b, c []float64) []*big.Rat {
	q := len(c)
	rows := make([][]*big.Rat, q)
	for r := range rows {
		for k := range q {
			rows[r] = append(rows[r], vec.Rational(b[k*q+r]))
		}
		rows[r] = append(rows[r], vec.Rational(c[r]))
	}
	x, rank := exact.Solve(q, rows)
	if rank < q {
		return nil
	}
	return x
}

// invert writes the inverse of the q x q matrix b to inv, both row-major. It returns false
// where b is singular to working precision. It looks for pivots within columns.
func invert(inv, b []float64, q int) bool {
	t := append([]float64(nil), b...)
	clear(inv)
	for k := range q {
		inv[k*q+k] = 1
	}
	return eliminate(inv, t, q)
}

// eliminate turns t into I by Gauss-Jordan elimination, and does the same steps to inv. It
// returns false where a pivot is tiny.
func eliminate(inv, t []float64, q int) bool {
	for k := range q {
		p := k
		for r := k + 1; r < q; r++ {
			if abs(t[r*q+k]) > abs(t[p*q+k]) {
				p = r
			}
		}
		pivot := t[p*q+k]
		if !(abs(pivot) >= 1e-12) {
			return false
		}
		if p != k {
			swap(t[p*q:(p+1)*q], t[k*q:(k+1)*q])
			swap(inv[p*q:(p+1)*q], inv[k*q:(k+1)*q])
		}
		f := 1 / pivot
		for j := range q {
			t[k*q+j] *= f
			inv[k*q+j] *= f
		}
		a, x := t[k*q:(k+1)*q], inv[k*q:(k+1)*q]
		for r := range q {
			f := t[r*q+k]
			if r == k || f == 0 {
				continue
			}
			c, y := t[r*q : (r+1)*q][:len(a)], inv[r*q : (r+1)*q][:len(x)]
			for j, v := range a {
				c[j] -= f * v
			}
			for j, v := range x {
				y[j] -= f * v
			}
		}
	}
	return true
}

func swap(a, b []float64) {
	for k := range a {
		a[k], b[k] = b[k], a[k]
	}
}

// defect measures how good an inverse is: it writes bounds of the elements of |inv b - I| to
// off, and returns the largest.
func defect(off, inv, b []float64, q int) float64 {
	clear(off)
	bound, most := 0., vec.MaxAbs(b)
	for a := range q {
		row, sum := off[a*q:(a+1)*q], 0.
		for k, f := range inv[a*q : (a+1)*q] {
			if f == 0 {
				continue
			}
			sum += abs(f)
			for x, v := range b[k*q : (k+1)*q] {
				row[x] += f * v
			}
		}
		row[a]--
		rounding := float64(2*q+4) * unit * (1 + sum*most)
		for x, v := range row {
			row[x] = abs(v) + rounding
			bound = max(bound, row[x])
		}
	}
	return bound
}
