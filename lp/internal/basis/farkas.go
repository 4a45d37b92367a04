package basis

import "math"

// Certified reports whether the last search, which ended Infeasible, has a proof of that
// which rounding cannot spoil (Farkas). The proof is a row f of the inverse, or -f: for no x
// and s within their bounds does the sum of f_k (A_k x + s_k) reach f . R.
func (w *Work) Certified(q *Query) bool {
	f := append([]float64(nil), w.inv[w.ray*w.g.M:(w.ray+1)*w.g.M]...)
	if w.proves(q, f) {
		return true
	}
	for k := range f {
		f[k] = -f[k]
	}
	return w.proves(q, f)
}

// proves reports whether f . R < min f . (A x + s).
func (w *Work) proves(q *Query, f []float64) bool {
	g := w.g
	for k, v := range f {
		if v < 0 && math.IsInf(q.Up[g.N+k], 1) {
			f[k] = 0 // rounding of the inverse: a ray has no such entry
		}
	}
	least, size := pair{}, 0.
	for j := range g.N {
		c, s := pair{}, 0.
		for k, v := range f {
			c = c.subProduct(-v, pair{hi: g.A[k*g.N+j]})
			s += abs(v * g.A[k*g.N+j])
		}
		if up := q.Up[j]; !math.IsInf(up, 1) {
			if c.hi < 0 {
				least = least.subProduct(-up, c)
			}
			size += s * up
		} else if s != 0 && !(c.hi > float64(g.M+1)*pairUnit*s) {
			return false
		}
	}
	for k, v := range f {
		if up := q.Up[g.N+k]; v < 0 {
			least = least.subProduct(-up, pair{hi: v})
			size -= v * up
		}
		least = least.subProduct(v, pair{hi: q.R[k]})
		size += abs(v * q.R[k])
	}
	return least.hi > float64(g.N+2*g.M+2)*pairUnit*size
}
