package basis

import (
	"math"
	"slices"

	"paspo/lp/internal/vec"
)

// Begin takes the basis of all slacks, with every column at its lower bound.
func (w *Work) Begin(g *Program) {
	w.resize(g)
	w.live = 0
	clear(w.State)
	clear(w.inv)
	for k := range g.M {
		w.State[g.N+k], w.head[k] = Basic, g.N+k
		w.inv[k*g.M+k] = 1
	}
	w.total = 0
}

// Live says that columns before the first are fixed at 0 from here to the next Begin: they
// neither enter nor are priced.
func (w *Work) Live(first int) { w.live = first }

// renewal is the number of pivots after which Along inverts the basis anew.
const renewal = 64

// few is the number of pivots after which Along leaves it to Settled whether what they
// update is right, where several columns have a cost.
const few = 8

// Along goes on from the basis that it ended in before, or that of Begin, where bounds and
// right-hand sides may have changed. The only columns with a cost, c or -c, are those of an
// entity: one, or several that it is the sum and difference of. Once they are nonbasic, and
// at the bounds that their costs ask for, the basis has feasible duals whatever it was
// optimal for. It fails where such a bound is infinite.
func (w *Work) Along(q *Query, of []int, part float64) Status {
	if w.total >= renewal && !w.Renew() {
		return Failed
	}
	w.ground(q)
	if len(of) > 1 {
		w.trusted = few
		defer func() { w.trusted = 0 }()
	}
	free := true
	for _, j := range of {
		if w.State[j] != Basic {
			continue
		}
		if w.expel(q, j, of) {
			w.State[j] = Lower
		} else {
			free = false // nothing that is not fixed moves it but the others
		}
	}
	costs := w.g.C
	if !free {
		w.prices()
		costs = w.z
	}
	for _, v := range of {
		if w.State[v] == Basic {
			continue
		}
		w.State[v] = Lower
		if costs[v] < 0 {
			if math.IsInf(q.Up[v], 1) {
				return Failed
			}
			w.State[v] = Upper
		}
	}
	return w.search(q, part)
}

// expel makes a column nonbasic where one enters that is none of the others. It reports
// whether it did.
func (w *Work) expel(q *Query, j int, others []int) bool {
	row := 0
	for w.head[row] != j {
		row++
	}
	w.row(row)
	in := -1
	for v := w.live; v < len(w.State); v++ {
		if w.State[v] == Basic || q.Up[v] == 0 {
			continue
		}
		if size := abs(w.alpha[v]); size > pivotTol && (in < 0 || size > abs(w.alpha[in])) && !slices.Contains(others, v) {
			in = v
		}
	}
	if in < 0 {
		return false
	}
	w.column(in)
	if d := w.beta[row]; !(abs(d) > pivotTol/2) {
		return false
	}
	w.State[in] = Basic
	w.pivot(row, in)
	return true
}

// Renew inverts the basis anew. It reports whether it could.
func (w *Work) Renew() bool {
	g, m := w.g, w.g.M
	w.part = vec.Grown(w.part, m*m)
	clear(w.part)
	clear(w.inv)
	for r, v := range w.head {
		w.inv[r*m+r] = 1
		if v >= g.N {
			w.part[(v-g.N)*m+r] = 1
			continue
		}
		for k := range m {
			w.part[k*m+r] = g.A[k*g.N+v]
		}
	}
	if !eliminate(w.inv, w.part, m) {
		return false
	}
	w.total = 0
	return true
}

// Columns writes the values of all columns in the last basis, after Feasible.
func (w *Work) Columns(q *Query, x []float64) {
	for j := range x {
		x[j] = 0
		if w.State[j] == Upper {
			x[j] = q.Up[j]
		}
	}
	for r, v := range w.head {
		if v < len(x) {
			x[v] = w.x[r]
		}
	}
}

// Reduced returns the reduced costs of columns and slacks in the basis that a search ended
// in, where those of basic ones are solved for again. They are valid until the next search.
func (w *Work) Reduced() []float64 {
	g := w.g
	y := w.rest
	clear(y)
	for r, v := range w.head {
		if f := w.z[v]; f != 0 {
			for k, t := range w.inv[r*g.M : (r+1)*g.M] {
				y[k] -= f * t
			}
		}
	}
	for k, v := range y {
		w.z[g.N+k] += v
	}
	w.combine(w.z[:g.N], y)
	return w.z
}

// ground takes columns off upper bounds that are gone.
func (w *Work) ground(q *Query) {
	for v := w.live; v < len(w.State); v++ {
		if w.State[v] == Upper && math.IsInf(q.Up[v], 1) {
			w.State[v] = Lower
		}
	}
}

// Settled is Feasible right after a search that solved q. What the rows miss is solved for
// again only where it is too much.
func (w *Work) Settled(q *Query, part float64) bool {
	w.missing(q)
	for k, v := range w.rest {
		if !(abs(v) <= part/2*q.Tol[w.g.N+k]) {
			return w.Feasible(q, part)
		}
	}
	return true
}
