package basis

import (
	"math"

	"paspo/lp/internal/vec"
)

// Work searches for optimal bases by the dual simplex method with an explicit inverse and
// with bound flipping (Koberstein, The dual simplex method, techniques for a fast and stable
// implementation, 2005). The basis that a search ends in depends on the query and the basis
// that it starts from alone.
type Work struct {
	g     *Program
	State []State

	head       []int // the basic variable of every row of inv
	inv        []float64
	x, rest    []float64 // basic variables, and scratch of M numbers
	z, alpha   []float64 // reduced costs, and a row of the tableau
	beta       []float64 // column of the tableau
	candidates []candidate
	ray        int // row of inv that proves infeasibility
	live       int // first column that may be other than 0, see Live
	trusted    int // pivots after which an updated solution is returned as it is, see few

	// pivots counts the pivots since basic variables and reduced costs were computed from
	// the inverse. Every pivot updates them.
	pivots int
	total  int // pivots since the basis was inverted

	duals Duals
	dual  multipliers
	at    []int     // row of inv of a basic column
	part  []float64 // of inv
}

// resize allocates what the numbers of program g need.
func (w *Work) resize(g *Program) {
	w.g = g
	v := g.N + g.M
	w.inv, w.x, w.rest, w.beta = vec.Grown(w.inv, g.M*g.M), vec.Grown(w.x, g.M), vec.Grown(w.rest, g.M), vec.Grown(w.beta, g.M)
	w.z, w.alpha = vec.Grown(w.z, v), vec.Grown(w.alpha, v)
	w.State, w.head = vec.Grown(w.State, v), vec.Grown(w.head, g.M)
}

// start takes the basis of p, and expands the inverse of its tight rows to all rows.
func (w *Work) start(p *Duals) {
	g := p.g
	w.resize(g)
	w.live = 0
	copy(w.State, p.state)
	clear(w.inv)
	q, m := len(p.tight), g.M
	for x, v := range p.head {
		at := 0
		if v < g.N {
			at = p.tight[x]
		} else {
			at = v - g.N
			w.inv[at*m+at] = 1
		}
		w.head[at] = v
		for k, r := range p.tight {
			w.inv[at*m+r] = p.weight[x*q+k]
		}
	}
}

// refresh computes basic variables and reduced costs from the inverse.
func (w *Work) refresh(q *Query) {
	w.values(q)
	w.prices()
	w.pivots = 0
}

// values computes the basic variables from the inverse. It moves variables from upper bounds
// that have become infinite to their lower bounds.
func (w *Work) values(q *Query) {
	copy(w.rest, q.R)
	for v := w.live; v < len(w.State); v++ {
		if w.State[v] != Upper {
			continue
		}
		if up := q.Up[v]; math.IsInf(up, 1) {
			w.State[v] = Lower
		} else if up != 0 {
			w.subtract(v, up)
		}
	}
	w.apply(w.x, w.rest)
}

// apply writes the product of the inverse with a column.
func (w *Work) apply(dst, col []float64) {
	m := w.g.M
	for r := range dst {
		dst[r] = vec.Dot(w.inv[r*m:(r+1)*m], col)
	}
}

// prices computes the reduced costs from the inverse.
func (w *Work) prices() {
	g := w.g
	// The multipliers first: many columns may have a cost.
	y := w.rest
	clear(y)
	for r, v := range w.head {
		if v < g.N && g.C[v] != 0 {
			c := g.C[v]
			for k, t := range w.inv[r*g.M : (r+1)*g.M] {
				y[k] -= c * t
			}
		}
	}
	copy(w.z, g.C)
	copy(w.z[g.N:], y)
	w.combine(w.z[:g.N], y)
}

// row computes row r of the tableau, and writes it to alpha.
func (w *Work) row(r int) {
	g := w.g
	t := w.inv[r*g.M : (r+1)*g.M]
	clear(w.alpha[w.live:g.N])
	copy(w.alpha[g.N:], t)
	w.combine(w.alpha[:g.N], t)
}

// combine adds the sum of f_k times row k of A to dst. It takes two rows at a time, for speed.
func (w *Work) combine(dst, f []float64) {
	g := w.g
	dst = dst[w.live:]
	one := -1
	for k, c := range f {
		if c == 0 {
			continue
		}
		if one < 0 {
			one = k
			continue
		}
		b := f[one]
		p, q := g.A[one*g.N+w.live:][:len(dst)], g.A[k*g.N+w.live:][:len(dst)]
		for j := range dst {
			dst[j] += b*p[j] + c*q[j]
		}
		one = -1
	}
	if one >= 0 {
		b := f[one]
		for j, v := range g.A[one*g.N+w.live:][:len(dst)] {
			dst[j] += b * v
		}
	}
}

// column computes the column of variable v in the tableau, and writes it to beta.
func (w *Work) column(v int) {
	g, m := w.g, w.g.M
	if v >= g.N {
		k := v - g.N
		for r := range w.beta {
			w.beta[r] = w.inv[r*m+k]
		}
		return
	}
	if g.Columns != nil {
		w.apply(w.beta, g.Columns[v*m:(v+1)*m])
		return
	}
	for k := range w.rest {
		w.rest[k] = g.A[k*g.N+v]
	}
	w.apply(w.beta, w.rest)
}

// subtract subtracts x times the column of variable v from rest.
func (w *Work) subtract(v int, x float64) {
	g := w.g
	if v >= g.N {
		w.rest[v-g.N] -= x
		return
	}
	if g.Columns != nil {
		rest := w.rest
		for k, c := range g.Columns[v*g.M:][:len(rest)] {
			rest[k] -= c * x
		}
		return
	}
	for k := range w.rest {
		w.rest[k] -= g.A[k*g.N+v] * x
	}
}

// pivot makes in the basic variable of row, and updates the inverse. beta has the column of
// in.
func (w *Work) pivot(row, in int) {
	m := w.g.M
	w.head[row] = in
	t := w.inv[row*m : (row+1)*m]
	d := 1 / w.beta[row]
	for k := range t {
		t[k] *= d
	}
	for r, f := range w.beta {
		if r == row || f == 0 {
			continue
		}
		u := w.inv[r*m : (r+1)*m][:len(t)]
		for k, c := range t {
			u[k] -= f * c
		}
	}
	w.pivots++
	w.total++
}

// Trivial reports whether no basic column has a cost, so that all multipliers are 0. proved
// says whether they prove that the basis is optimal. They do not where a column is not at the
// bound that its cost asks for. The basis is then singular but for rounding.
func (w *Work) Trivial(q *Query) (trivial, proved bool) {
	proved = true
	for j, c := range w.g.C {
		switch s := w.State[j]; {
		case c == 0:
		case s == Basic:
			return false, false
		case q.Up[j] != 0 && (c > 0) != (s == Lower):
			proved = false
		}
	}
	return true, proved
}

// missing writes to rest by how much every row misses its right-hand side.
func (w *Work) missing(q *Query) {
	copy(w.rest, q.R)
	for v := w.live; v < len(w.State); v++ {
		if w.State[v] == Upper && q.Up[v] != 0 {
			w.subtract(v, q.Up[v])
		}
	}
	for r, v := range w.head {
		w.subtract(v, w.x[r])
	}
}

// Feasible reports whether the basis that a search ended in violates no bound by more than
// part of its tolerance, and no row by more than half of that. It corrects the solution
// twice by what the rows miss, so that errors of the inverse do not matter.
func (w *Work) Feasible(q *Query, part float64) bool {
	g := w.g
	w.values(q)
	dx := w.beta
	for last := range 3 {
		w.missing(q)
		if last == 2 {
			break
		}
		w.apply(dx, w.rest)
		for r := range dx {
			w.x[r] += dx[r]
		}
	}
	for k, v := range w.rest {
		if !(abs(v) <= part/2*q.Tol[g.N+k]) {
			return false
		}
	}
	for r, v := range w.head {
		if !(w.x[r] >= -part*q.Tol[v] && w.x[r] <= q.Up[v]+part*q.Tol[v]) {
			return false
		}
	}
	return true
}
