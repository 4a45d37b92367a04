package basis

import (
	"math"
	"math/big"
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

// rounded returns the float64 next to the number that differs from p by err at
// most, and whether that is certain.
func (p pair) rounded(err float64) (float64, bool) {
	a, b := p.hi+(p.lo-err), p.hi+(p.lo+err)
	if a != b || a == 0 && err != 0 {
		return 0, false
	}
	return a + 0, true
}

func rational(x float64) *big.Rat { return new(big.Rat).SetFloat64(x) }

// solveRational solves x' B = c, B being q x q, in rational arithmetic. It returns
// nil where B is singular.
func solveRational(b, c []float64) []*big.Rat {
	q := len(c)
	t := make([][]*big.Rat, q)
	for r := range t {
		t[r] = make([]*big.Rat, q+1)
		for k := range q {
			t[r][k] = rational(b[k*q+r])
		}
		t[r][q] = rational(c[r])
	}
	var v big.Rat
	for k := range q {
		p := k
		for p < q && t[p][k].Sign() == 0 {
			p++
		}
		if p == q {
			return nil
		}
		t[k], t[p] = t[p], t[k]
		inv := new(big.Rat).Inv(t[k][k])
		for j := k; j <= q; j++ {
			t[k][j].Mul(t[k][j], inv)
		}
		for r := range t {
			if r == k || t[r][k].Sign() == 0 {
				continue
			}
			f := new(big.Rat).Set(t[r][k])
			for j := k; j <= q; j++ {
				if t[k][j].Sign() != 0 {
					t[r][j].Sub(t[r][j], v.Mul(f, t[k][j]))
				}
			}
		}
	}
	x := make([]*big.Rat, q)
	for k := range x {
		x[k] = t[k][q]
	}
	return x
}

// invert writes the inverse of the q x q matrix b to inv, row-major, and returns
// inv b - I. It reports whether the inverse is worth anything. It pivots by
// columns and improves the result by one step of Newton's iteration.
func invert(inv, b []float64, q int) (d []float64, ok bool) {
	t := append([]float64(nil), b...)
	for i := range inv {
		inv[i] = 0
	}
	for k := range q {
		inv[k*q+k] = 1
	}
	for k := range q {
		p := k
		for r := k + 1; r < q; r++ {
			if abs(t[r*q+k]) > abs(t[p*q+k]) {
				p = r
			}
		}
		pivot := t[p*q+k]
		if abs(pivot) < 1e-12 {
			return nil, false
		}
		if p != k {
			for j := range q {
				t[p*q+j], t[k*q+j] = t[k*q+j], t[p*q+j]
				inv[p*q+j], inv[k*q+j] = inv[k*q+j], inv[p*q+j]
			}
		}
		for j := range q {
			t[k*q+j] /= pivot
			inv[k*q+j] /= pivot
		}
		for r := range q {
			f := t[r*q+k]
			if r == k || f == 0 {
				continue
			}
			for j := range q {
				t[r*q+j] -= f * t[k*q+j]
				inv[r*q+j] -= f * inv[k*q+j]
			}
		}
	}
	// X += (I - X B) X
	d = residue(inv, b, q)
	for i, v := range d {
		d[i] = -v
		if !(abs(v) < 1e-4) {
			return nil, false
		}
	}
	old := append([]float64(nil), inv...)
	for r := range q {
		for k := range q {
			if f := d[r*q+k]; f != 0 {
				for j := range q {
					inv[r*q+j] += f * old[k*q+j]
				}
			}
		}
	}
	return residue(inv, b, q), true
}

// residue returns X B - I, summed in double precision twice over.
func residue(x, b []float64, q int) []float64 {
	d := make([]float64, q*q)
	for r := range q {
		for j := range q {
			s := pair{}
			if r == j {
				s.hi = 1
			}
			for k := range q {
				s = s.subProduct(x[r*q+k], pair{b[k*q+j], 0})
			}
			d[r*q+j] = -(s.hi + s.lo)
		}
	}
	return d
}
