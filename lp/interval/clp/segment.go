package clp

import (
	"math"

	"paspo/lp/interval/relay"
)

// segment finds an endpoint without a program where at most one entity is free: the last,
// or the last two under one equality,
//
//	e_i a_i + e_o a_o = f,   A_k,i a_i + A_k,o a_o <= r_k,   l <= a <= u.
//
// The limit that binds gives the endpoint, the witness and the duals, which are proved as
// those of a program are. It reports whether they were.
func (w *worker) segment(q *relay.Action, upper bool) bool {
	i, n, form, s := q.Entity, w.m.n, &w.m.form, &w.m.suffix[q.Entity]
	if len(s.eqs) > 1 || n-i > len(s.eqs)+1 {
		return false
	}
	sign, best, at := 1., q.L[i], q.AtLow // the least of sign a_i is looked for
	if upper {
		sign, best, at = -1, q.U[i], q.AtUpper
	}
	x, y := append(w.x[:0], make([]float64, n-i)...), append(w.y[:0], make([]float64, len(s.eqs)+len(s.rows))...)
	w.x, w.y = x, y

	// On the segment a_o = from - slope a_i.
	var e, from, slope float64
	if len(s.eqs) > 0 {
		k := s.eqs[0]
		e = form.E[k*n+i]
		if n-i == 1 {
			x[0], y[0] = w.f[k]/e, sign/(e*s.eqScale[0])
			return w.proveRows(q, x, y, at, upper)
		}
		other := form.E[k*n+i+1]
		if e == 0 || other == 0 {
			return false
		}
		from, slope = w.f[k]/other, e/other
		end := q.L[i+1]
		if (slope > 0) != upper {
			end = q.U[i+1]
		}
		if a := (from - end) / slope; sign*a > sign*best {
			best, y[0] = a, sign/(e*s.eqScale[0])
		}
	}
	for r, k := range s.rows {
		c, other := form.A[k*n+i], 0.
		if n-i == 2 {
			other = form.A[k*n+i+1]
		}
		d := c - other*slope
		if !(sign*d < 0) {
			continue
		}
		if a := (w.r[k] - other*from) / d; sign*a > sign*best {
			best = a
			clear(y)
			y[len(s.eqs)+r] = sign / (d * s.rowScale[r])
			if n-i == 2 {
				y[0] = -sign / d * other * slope / (e * s.eqScale[0])
			}
		}
	}
	if x[0] = best; n-i == 2 {
		x[1] = from - slope*best
	}
	return !math.IsInf(best, 0) && w.proveRows(q, x, y, at, upper)
}
