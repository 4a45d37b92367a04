package basis

import (
	"math"
	"slices"

	"paspo/lp/internal/vec"
)

// Begin starts w from the basis of all slacks, with every column at its lower bound. Along
// goes on from there.
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

// Live tells w that all columns before first stay at 0 until the next Begin. Searches leave
// them out, which saves time: they never enter the basis and get no reduced costs.
func (w *Work) Live(first int) { w.live = first }

// renewal is the number of pivots after which Along inverts the basis anew, because every
// pivot adds rounding errors to the inverse.
const renewal = 64

// few is the largest number of pivots after which Along trusts a solution that pivots have
// updated. After more it computes the solution from the inverse before it returns. It trusts
// none where only one column has a cost. Whoever calls Along checks the solution in any case.
const few = 8

// Along looks for an optimal basis from the one on that its last call ended in, or that Begin
// took. Costs, bounds and right-hand sides may have changed in between.
//
// Only the columns that of lists may have a cost. They belong to one entity, whose amount is
// one column or a sum of columns with signs, so every cost is c or -c.
//
// The basis was optimal for other costs. Along first makes its duals feasible for these: it
// takes the columns with a cost out of the basis and puts each at the bound that its cost
// asks for. All multipliers are 0 then. It returns Failed where such a bound is infinite.
func (w *Work) Along(q *Query, of []int, part float64) Status {
	if w.total >= renewal && !w.Renew() {
		return Failed
	}
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
			free = false // only fixed variables and others of the entity could replace it
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

// turn returns the variable that comes at turn x. Of variables that serve as well, the first
// is taken. Along an action that is the last one, since an entity whose turn is soon would
// have to leave the basis again.
func (w *Work) turn(x int) int {
	if w.trusted > 0 {
		return len(w.State) - 1 - x
	}
	return w.live + x
}

// expel takes column j out of the basis. A variable enters for it that is not fixed and is none
// of others. expel reports whether it found one.
func (w *Work) expel(q *Query, j int, others []int) bool {
	row := 0
	for w.head[row] != j {
		row++
	}
	w.row(row)
	in := -1
	for x := range len(w.State) - w.live {
		v := w.turn(x)
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

// Renew inverts the basis anew, which removes the rounding errors of pivots. It returns false
// where the basis is singular.
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

// Columns writes the values that the columns have in the last basis to x, but for those
// that Live has left out. These are the values after the last search or the last Feasible.
func (w *Work) Columns(q *Query, x []float64) {
	for j := w.live; j < len(x); j++ {
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

// Reduced returns the reduced costs of columns and slacks in the basis that the last search
// ended in. Those of basic variables are 0 but for rounding. Reduced corrects the multipliers
// by what is left of them, and all reduced costs with that. The result is valid until the
// next search.
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
