package basis

import (
	"errors"
	"math/big"
)

// duals are the multipliers y of the tight rows and the reduced costs z = c - A' y
// of all columns, each the float64 next to the exact number. So they depend on
// the vertex of the dual alone, not on the basis that it was found with.
type duals struct {
	y, z []float64
}

var errSingular = errors.New("basis: singular")

// multipliers computes the duals of a basis of the columns cols that is tight in
// the rows tight; b is their submatrix and inv its inverse. It refines the
// multipliers in twice the precision, bounds what error is left, and turns to
// rational arithmetic where the bound does not settle how to round.
func (g *Program) multipliers(tight, cols []int, b, inv []float64, defect float64) (duals, error) {
	q := len(tight)
	d := duals{y: make([]float64, q), z: make([]float64, g.N)}
	c := make([]float64, q)
	zero := true
	for a, j := range cols {
		c[a] = g.C[j]
		zero = zero && c[a] == 0
	}
	if zero {
		copy(d.z, g.C)
		return d, nil
	}
	y, err := refine(b, inv, c, defect)
	ok := true
	var exact []*big.Rat
	settle := func() error {
		if exact == nil {
			if exact = solveRational(b, c); exact == nil {
				return errSingular
			}
		}
		return nil
	}
	for k := range y {
		if ok {
			d.y[k], ok = y[k].rounded(err[k])
		}
	}
	if !ok {
		if e := settle(); e != nil {
			return d, e
		}
		for k, v := range exact {
			d.y[k], _ = v.Float64()
			y[k].hi = d.y[k]
			y[k].lo, _ = new(big.Rat).Sub(v, rational(y[k].hi)).Float64()
			err[k] = abs(y[k].lo) * unit
		}
	}
	basic := make([]bool, g.N)
	for _, j := range cols {
		basic[j] = true
	}
	for j := range d.z {
		if basic[j] {
			continue
		}
		z, bound := pair{hi: g.C[j]}, 0.
		size := abs(g.C[j])
		for k, r := range tight {
			if v := g.A[r*g.N+j]; v != 0 {
				z = z.subProduct(v, y[k])
				bound += abs(v) * err[k]
				size += abs(v * y[k].hi)
			}
		}
		if size == 0 {
			continue
		}
		bound += float64(q+1) * pairUnit * size
		var sure bool
		if d.z[j], sure = z.rounded(bound); sure {
			continue
		}
		if e := settle(); e != nil {
			return d, e
		}
		v := rational(g.C[j])
		var t big.Rat
		for k, r := range tight {
			if x := g.A[r*g.N+j]; x != 0 {
				v.Sub(v, t.Mul(rational(x), exact[k]))
			}
		}
		d.z[j], _ = v.Float64()
	}
	return d, nil
}

// refine solves y' B = c in pairs of float64 and bounds the errors. defect is the
// largest element of |inv B - I|: the inverse differs from inv by at most twice
// the defect times the sums of the columns of |inv|.
func refine(b, inv, c []float64, defect float64) (y []pair, err []float64) {
	q := len(c)
	y, err = make([]pair, q), make([]float64, q)
	res, size := make([]float64, q), make([]float64, q)
	residual := func() {
		for a := range q {
			r, s := pair{hi: c[a]}, abs(c[a])
			for k := range q {
				if v := b[k*q+a]; v != 0 {
					r = r.subProduct(v, y[k])
					s += abs(v * y[k].hi)
				}
			}
			res[a], size[a] = r.hi, s
		}
	}
	for range 3 {
		residual()
		for k := range y {
			s := 0.
			for a, v := range res {
				s += v * inv[a*q+k]
			}
			y[k] = y[k].add(s)
		}
	}
	residual()
	for k := range y {
		sum := 0.
		for a := range q {
			sum += abs(inv[a*q+k])
		}
		for a, v := range res {
			err[k] += (abs(inv[a*q+k]) + 2*defect*sum) * (abs(v) + float64(q+1)*pairUnit*size[a])
		}
		err[k] *= 1 + 1e-10
	}
	return y, err
}
