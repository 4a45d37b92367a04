package exact

import (
	"math"
	"slices"
)

// suffix is the set of the variables from first on, with rows and variables divided
// by their scales. Constraints are rows, then a lower and an upper bound of every
// variable; all are at most their limit.
type suffix struct {
	s        *Set
	first, n int
	index    [][]int
	value    [][]float64

	right      []pair
	slack      []float64 // what counts as rounding
	artificial []bool

	at     []int // where a constraint is in the basis, -1
	x      []pair
	alpha  []pair
	lambda []pair
	work   []pair
}

type basis struct {
	tight  []int
	inv    []pair // of the rows that are tight, n x n
	lambda []pair
}

// rounding is what a limit may be broken by, of its scale.
const rounding = 1e-25

// put computes the right-hand sides.
func (f *suffix) put(prefix []float64, l *Limits) {
	s := f.s
	for k, row := range s.a {
		r, size := pair{hi: l.B[k]}, math.Abs(l.B[k])
		f.artificial[k] = math.IsInf(l.B[k], 1) // no row at all
		if f.artificial[k] {
			continue
		}
		for j, v := range prefix {
			p := row[j] * v
			r = r.sub(pair{p, math.FMA(row[j], v, -p)})
			size += math.Abs(p)
		}
		if !(s.eq[k] && l.Relax <= 0) {
			r = r.add(pair{hi: l.Relax * max(math.Abs(l.B[k]), s.scale[k])})
		}
		f.right[k] = r.scaled(1 / s.divide[k])
		f.slack[k] = rounding * max(1, size/s.divide[k])
	}
	for j := range f.n {
		c, unit := len(s.a)+2*j, s.unit[f.first+j]
		bound := func(c int, v float64) {
			f.artificial[c] = math.IsInf(v, 0)
			if f.artificial[c] {
				f.right[c], f.slack[c] = pair{hi: far}, rounding*far
				return
			}
			r := pair{hi: v}.add(pair{hi: l.Relax * max(math.Abs(v), s.size[f.first+j])})
			f.right[c], f.slack[c] = r.scaled(1/unit), rounding*max(1, math.Abs(v)/unit)
		}
		bound(c, -l.Lower[f.first+j])
		bound(c+1, l.Upper[f.first+j])
	}
}

// skip says that a constraint is none: a row without a limit.
func (f *suffix) skip(c int) bool { return c < len(f.s.a) && f.artificial[c] }

func (f *suffix) excess(c int) pair {
	v := f.right[c].neg()
	for i, j := range f.index[c] {
		v = v.add(f.x[j].times(f.value[c][i]))
	}
	return v
}

// equation says whether a constraint is an equality that is not relaxed to a band.
func (f *suffix) equation(c int) bool { return c < len(f.s.eq) && f.s.eq[c] }

// invert computes the inverse of the tight rows by Gauss-Jordan elimination.
func (f *suffix) invert(tight []int) []pair {
	n := f.n
	w := f.work[:n*n]
	inv := make([]pair, n*n)
	clear(w)
	for r, c := range tight {
		for i, j := range f.index[c] {
			w[r*n+j] = pair{hi: f.value[c][i]}
		}
		inv[r*n+r] = pair{hi: 1}
	}
	for c := range n {
		best := c
		for r := c + 1; r < n; r++ {
			if math.Abs(w[r*n+c].hi) > math.Abs(w[best*n+c].hi) {
				best = r
			}
		}
		if math.Abs(w[best*n+c].hi) < 1e-27 {
			return nil
		}
		if best != c {
			for j := range n {
				w[best*n+j], w[c*n+j] = w[c*n+j], w[best*n+j]
				inv[best*n+j], inv[c*n+j] = inv[c*n+j], inv[best*n+j]
			}
		}
		d := pair{hi: 1}.quo(w[c*n+c])
		for j := range n {
			if j >= c {
				w[c*n+j] = w[c*n+j].mul(d)
			}
			if inv[c*n+j].hi != 0 {
				inv[c*n+j] = inv[c*n+j].mul(d)
			}
		}
		for r := range n {
			g := w[r*n+c]
			if r == c || g.hi == 0 {
				continue
			}
			g = g.neg()
			for j := range n {
				if j >= c && w[c*n+j].hi != 0 {
					w[r*n+j] = w[r*n+j].add(g.mul(w[c*n+j]))
				}
				if inv[c*n+j].hi != 0 {
					inv[r*n+j] = inv[r*n+j].add(g.mul(inv[c*n+j]))
				}
			}
		}
	}
	return inv
}

// express writes row g, given by its columns, in terms of the tight rows.
func (f *suffix) express(dst []pair, inv []pair, index []int, value []float64) {
	clear(dst)
	for i, j := range index {
		for t := range dst {
			if v := inv[j*f.n+t]; v.hi != 0 {
				dst[t] = dst[t].add(v.times(value[i]))
			}
		}
	}
}

// point is the point at which the tight rows hold with equality.
func (f *suffix) point(b *basis) {
	for j := range f.x {
		v := pair{}
		for t, c := range b.tight {
			if w := b.inv[j*f.n+t]; w.hi != 0 && f.right[c].hi != 0 {
				v = v.add(w.mul(f.right[c]))
			}
		}
		f.x[j] = v
	}
}

// bound is what the multipliers of a basis prove the least value to be.
func (f *suffix) bound(b *basis) (value pair, ok bool) {
	for t, c := range b.tight {
		if l := b.lambda[t]; l.hi != 0 {
			if f.artificial[c] {
				return value, false
			}
			value = value.add(l.mul(f.right[c]))
		}
	}
	return value, true
}

// worst returns the constraint that is broken most, -1 where none is, and which side
// of it where it is an equality.
func (f *suffix) worst(b *basis, first bool) (c int, over pair, sign float64) {
	c, sign = -1, 1
	for k := range f.index {
		if f.at[k] >= 0 || f.skip(k) {
			continue
		}
		v, s := f.excess(k), 1.
		if f.equation(k) && v.hi < 0 {
			v, s = v.neg(), -1
		}
		if v.hi > f.slack[k] && (c < 0 || v.hi > over.hi) {
			c, over, sign = k, v, s
			if first {
				return c, over, sign
			}
		}
	}
	return c, over, sign
}

func (f *suffix) solve(cost []float64, key objective) (Answer, bool) {
	n := f.n
	scaled, index := make([]float64, 0, n), make([]int, 0, n)
	for j, c := range cost {
		if c != 0 {
			scaled, index = append(scaled, c*f.s.unit[f.first+j]), append(index, j)
		}
	}
	keeps := key.entity != -1
	var b *basis
	if keeps {
		var most pair
		for _, k := range f.s.kept[key] {
			if v, ok := f.bound(k); ok && (b == nil || v.hi > most.hi) {
				b, most = k, v
			}
		}
	}
	if b == nil {
		b = &basis{tight: make([]int, n), lambda: make([]pair, n)}
		for j := range n {
			c := len(f.s.a) + 2*j
			if v := cost[j]; v < 0 || v == 0 && f.artificial[c] {
				c++
			}
			b.tight[j] = c
		}
		b.inv = f.invert(b.tight)
		f.express(b.lambda, b.inv, index, scaled)
	}
	for k := range f.at {
		f.at[k] = -1
	}
	for t, c := range b.tight {
		f.at[c] = t
		if f.skip(c) {
			return Answer{}, false
		}
	}
	fresh := false
	const most = 300
	for it := range most {
		f.point(b)
		k, over, sign := f.worst(b, it > most/3)
		if k < 0 {
			a, ok := f.verify(b, cost, index, scaled)
			if ok && fresh && keeps {
				f.s.kept[key] = append(f.s.kept[key], b)
			}
			return a, ok
		}
		f.express(f.alpha, b.inv, f.index[k], f.value[k])
		leave, ratio := -1, math.Inf(1)
		for t, c := range b.tight {
			if f.equation(c) {
				continue
			}
			a := sign * f.alpha[t].hi
			if a <= 1e-24 {
				continue
			}
			r := math.Max(0, -b.lambda[t].hi) / a
			if r < ratio || r == ratio && (it > most/3 && c < b.tight[leave] || it <= most/3 && a > sign*f.alpha[leave].hi) {
				leave, ratio = t, r
			}
		}
		if leave < 0 {
			return Answer{Status: Infeasible}, f.farkas(b, k, over, sign)
		}
		next := &basis{tight: slices.Clone(b.tight), lambda: make([]pair, n)}
		f.at[next.tight[leave]] = -1
		next.tight[leave] = k
		f.at[k] = leave
		if next.inv = f.invert(next.tight); next.inv == nil {
			return Answer{}, false
		}
		f.express(next.lambda, next.inv, index, scaled)
		b, fresh = next, true
	}
	return Answer{}, false
}

// farkas reports whether the combination of the tight rows that makes up row k proves
// beyond rounding that no point keeps that row's limit.
func (f *suffix) farkas(b *basis, k int, over pair, sign float64) bool {
	size, off := 0., make([]pair, f.n)
	for i, j := range f.index[k] {
		off[j] = pair{hi: sign * f.value[k][i]}
	}
	for t, c := range b.tight {
		a := f.alpha[t].scaled(sign)
		if f.artificial[c] && math.Abs(a.hi) > 1e-24 {
			return false
		}
		if !f.equation(c) && a.hi > 0 {
			a = pair{} // its part goes into what is left over
		}
		size += math.Abs(a.hi) * math.Max(math.Abs(f.right[c].hi), 1)
		for i, j := range f.index[c] {
			off[j] = off[j].sub(a.times(f.value[c][i]))
		}
	}
	rest := 0.
	for _, v := range off {
		rest += math.Abs(v.hi)
	}
	return over.hi > 10*f.slack[k]+1e-29*size+4*rest
}

// verify checks the certificate of a basis whose point breaks no limit.
func (f *suffix) verify(b *basis, cost []float64, index []int, scaled []float64) (Answer, bool) {
	off := make([]pair, f.n)
	value := pair{}
	for i, j := range index {
		off[j] = pair{hi: scaled[i]}
		value = value.add(f.x[j].times(scaled[i]))
	}
	bound, sensitivity := pair{}, 0.
	for t, c := range b.tight {
		l := b.lambda[t]
		v := f.excess(c)
		if math.Abs(v.hi) > f.slack[c] && (v.hi > 0 || f.equation(c)) {
			return Answer{}, false
		}
		if f.artificial[c] && math.Abs(l.hi) > 1e-24 {
			return Answer{}, false
		}
		if !f.equation(c) && l.hi > 0 {
			continue
		}
		bound = bound.add(l.mul(f.right[c]))
		sensitivity += math.Abs(l.hi)
		for i, j := range f.index[c] {
			off[j] = off[j].sub(l.times(f.value[c][i]))
		}
	}
	gap := value.sub(bound).hi
	largest := 0.
	for j, v := range off {
		gap += math.Abs(v.hi) * max(1, math.Abs(f.x[j].hi))
	}
	for _, v := range scaled {
		largest = max(largest, math.Abs(v))
	}
	if !(math.Abs(gap) <= 1e-14*largest) {
		return Answer{}, false
	}
	return Answer{Status: Optimal, Value: value.hi, Sensitivity: sensitivity}, true
}
