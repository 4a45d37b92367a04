package basis

import "math"

// Status says how a search ended.
type Status int

const (
	Solved     Status = iota
	Infeasible        // a row of the inverse is a Farkas ray
	Failed            // no answer that can be relied on
)

// Work finds bases by the dual simplex method with explicit inverse and bound
// flipping (Koberstein, The dual simplex method, techniques for a fast and stable
// implementation, 2005). Where it ends depends on the query and the first basis
// alone.
type Work struct {
	g     *Program
	State []State

	// Iterations counts pivots.
	Iterations int

	head       []int // of every row of inv
	inv        []float64
	x, rest    []float64
	z, alpha   []float64
	candidates []int
	ray        int // row of inv that proved infeasibility
}

// resize makes room for the program.
func (w *Work) resize(g *Program) {
	grow := func(v []float64, n int) []float64 {
		if cap(v) < n {
			return make([]float64, n)
		}
		return v[:n]
	}
	w.g = g
	v := g.N + g.M
	w.inv, w.x, w.rest = grow(w.inv, g.M*g.M), grow(w.x, g.M), grow(w.rest, g.M)
	w.z, w.alpha = grow(w.z, v), grow(w.alpha, v)
	if cap(w.State) < v {
		w.State = make([]State, v)
	}
	w.State = w.State[:v]
	if cap(w.head) < g.M {
		w.head = make([]int, g.M)
	}
	w.head = w.head[:g.M]
}

// start expands the inverse of a piece.
func (w *Work) start(p *Piece) {
	g := p.g
	w.resize(g)
	copy(w.State, p.state)
	for i := range w.inv {
		w.inv[i] = 0
	}
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

// pivotTol is the least size of a pivot, in units of a matrix whose rows have a
// largest element between 1 and 2.
const pivotTol = 1e-9

// Solve looks for an optimal basis, from the given one on, whose variables violate
// their bounds by at most part of their tolerances.
func (w *Work) Solve(q *Query, from *Piece, part float64) Status {
	g := from.g
	w.start(from)
	for _, j := range from.upCols {
		if math.IsInf(q.Up[j], 1) {
			return Failed
		}
	}
	limit := 100 + 10*(g.M+g.N)
	for it := range limit {
		cautious := it > limit/3 // then pivots cannot cycle
		w.values(q)
		r, below := w.leaving(q, part, cautious)
		if r < 0 {
			w.settleFixed(q)
			return Solved
		}
		w.Iterations++
		if s := w.step(q, r, below, part, cautious); s != Solved {
			return s
		}
	}
	return Failed
}

// values computes the basic variables.
func (w *Work) values(q *Query) {
	m := w.g.M
	copy(w.rest, q.R)
	for v, s := range w.State {
		if s == Upper && q.Up[v] != 0 {
			w.subtract(v, q.Up[v])
		}
	}
	for r := range w.x {
		w.x[r] = dot(w.inv[r*m:(r+1)*m], w.rest)
	}
}

// leaving returns the row of the largest violation, -1 where there is none.
func (w *Work) leaving(q *Query, part float64, cautious bool) (row int, below bool) {
	row = -1
	worst := 1.
	for r, v := range w.head {
		d, low := -w.x[r], true
		if over := w.x[r] - q.Up[v]; over > d {
			d, low = over, false
		}
		if d /= part * q.Tol[v]; !(d <= worst) && (!cautious || row < 0 || v < w.head[row]) {
			row, below = r, low
			if !cautious {
				worst = d
			}
		}
	}
	return row, below
}

// prices computes the reduced costs.
func (w *Work) prices() {
	g := w.g
	copy(w.z, g.C)
	for k := range g.M {
		w.z[g.N+k] = 0
	}
	for r, v := range w.head {
		if v < g.N && g.C[v] != 0 {
			w.add(w.z, r, -g.C[v])
		}
	}
}

// reduce computes the reduced costs and the row of the tableau.
func (w *Work) reduce(row int) {
	w.prices()
	for v := range w.alpha {
		w.alpha[v] = 0
	}
	w.add(w.alpha, row, 1)
}

// add adds f times a row of the tableau.
func (w *Work) add(dst []float64, row int, f float64) {
	g := w.g
	for k, c := range w.inv[row*g.M : (row+1)*g.M] {
		if c == 0 {
			continue
		}
		c *= f
		dst[g.N+k] += c
		a := g.A[k*g.N : (k+1)*g.N]
		d := dst[:len(a)]
		for j, v := range a {
			d[j] += c * v
		}
	}
}

// settleFixed puts variables that cannot move at the bound that their reduced cost
// asks for, as Build does.
func (w *Work) settleFixed(q *Query) {
	done := false
	for v, s := range w.State {
		if s == Basic || q.Up[v] != 0 {
			continue
		}
		w.State[v] = Lower
		if v >= w.g.N && w.g.Equality[v-w.g.N] {
			continue
		}
		if !done {
			w.prices()
			done = true
		}
		if w.z[v] < 0 {
			w.State[v] = Upper
		}
	}
}

// step takes the basic variable of a row to the bound that it violates.
func (w *Work) step(q *Query, row int, below bool, part float64, cautious bool) Status {
	w.reduce(row)
	out := w.head[row]
	slope := -w.x[row]
	sign := 1.
	if !below {
		slope, sign = w.x[row]-q.Up[out], -1
	}
	w.candidates = w.candidates[:0]
	ignored := 0.
	for v, s := range w.State {
		a := sign * w.alpha[v]
		if s == Basic || q.Up[v] == 0 || s == Lower && a >= 0 || s == Upper && a <= 0 {
			continue
		}
		if abs(a) < pivotTol {
			ignored += abs(a) * q.Up[v]
			continue
		}
		w.candidates = append(w.candidates, v)
	}
	ratio := func(v int) float64 {
		z := w.z[v]
		if w.State[v] == Upper {
			z = -z
		}
		return max(0, z) / abs(w.alpha[v])
	}
	in := -1
	for len(w.candidates) > 0 {
		best := 0
		for c, v := range w.candidates {
			rb, rv := ratio(w.candidates[best]), ratio(v)
			const tie = 1e-12
			switch {
			case rv < rb-tie:
				best = c
			case rv <= rb+tie && !cautious && abs(w.alpha[v]) > abs(w.alpha[w.candidates[best]]):
				best = c
			}
		}
		v := w.candidates[best]
		if left := slope - abs(w.alpha[v])*q.Up[v]; !cautious && left > part*q.Tol[out] {
			// Even at its other bound it does not suffice.
			slope = left
			w.State[v] = 1 - w.State[v]
			w.candidates = append(w.candidates[:best], w.candidates[best+1:]...)
			continue
		}
		in = v
		break
	}
	if in < 0 {
		if slope-2*ignored > part*q.Tol[out] {
			w.ray = row
			return Infeasible
		}
		return Failed
	}
	w.State[out] = Lower
	if !below {
		w.State[out] = Upper
	}
	w.State[in] = Basic
	w.pivot(row, in)
	return Solved
}

// Trivial reports whether the basis has no column with a cost, so that its
// multipliers are 0.
func (w *Work) Trivial() bool {
	for _, v := range w.head {
		if v < w.g.N && w.g.C[v] != 0 {
			return false
		}
	}
	return true
}

// Feasible reports whether the basis that Solve ended in violates no bound and no
// row by more than part of its tolerance. The residual is solved for again, so that
// errors of the inverse do not matter.
func (w *Work) Feasible(q *Query, part float64) bool {
	g := w.g
	m := g.M
	w.values(q)
	dx := w.alpha[:m]
	for last := range 3 {
		// What the rows miss.
		copy(w.rest, q.R)
		for v, s := range w.State {
			if s == Upper && q.Up[v] != 0 {
				w.subtract(v, q.Up[v])
			}
		}
		for r, v := range w.head {
			w.subtract(v, w.x[r])
		}
		if last == 2 {
			break
		}
		for r := range dx {
			dx[r] = dot(w.inv[r*m:(r+1)*m], w.rest)
		}
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

// subtract takes the column of v times x from rest.
func (w *Work) subtract(v int, x float64) {
	g := w.g
	if v >= g.N {
		w.rest[v-g.N] -= x
		return
	}
	for k := range w.rest {
		w.rest[k] -= g.A[k*g.N+v] * x
	}
}

func dot(a, b []float64) float64 {
	s := 0.
	b = b[:len(a)]
	for k, v := range a {
		s += v * b[k]
	}
	return s
}

// pivot exchanges the basic variable of a row.
func (w *Work) pivot(row, in int) {
	g, m := w.g, w.g.M
	w.head[row] = in
	t := w.inv[row*m : (row+1)*m]
	d := w.alpha[in]
	for k := range t {
		t[k] /= d
	}
	for r := range m {
		if r == row {
			continue
		}
		u := w.inv[r*m : (r+1)*m]
		f := 0.
		if in >= g.N {
			f = u[in-g.N]
		} else {
			for k, c := range u {
				if c != 0 {
					f += c * g.A[k*g.N+in]
				}
			}
		}
		if f == 0 {
			continue
		}
		for k, c := range t {
			u[k] -= f * c
		}
	}
}
