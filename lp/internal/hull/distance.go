package hull

import (
	"math"
	"slices"

	"paspo/lp/internal/program"
	"paspo/lp/internal/tolerance"
	"paspo/lp/internal/vec"
)

const (
	// Rounding is the distance up to which a point counts as one of the hull.
	Rounding = 1e-12

	// distanceGap is by how much a distance may be off, relative where it is above 1.
	distanceGap = 1e-12
)

// Distance returns how far a is from the hull,
//
//	min sum_j |a_j - (V' w)_j| / s_j   s.t.   sum w = 1,  w >= 0,
//
// with s_j the size of coordinate j: its largest magnitude among the points. No facet c . x <= d has a larger scaled residual: c .
// (a - V' w) is at most sum_j |c_j| |a_j - (V' w)_j|, and what its row is measured in
// at least each |c_j| s_j.
//
// Weights that prove a to be in the hull up to rounding come from the walk to the
// facet behind a. Else a linear program finds the least distance, its duals a bound
// of it, and rational arithmetic both where they differ.
func (h *Body) Distance(a []float64) float64 {
	for _, x := range a {
		if x-x != 0 {
			return math.Inf(1)
		}
	}
	w := h.Borrow()
	defer h.Return(w)
	if w.near(a) {
		if t := h.off(a, w.mix); t <= Rounding {
			return t
		}
	}
	if high, low, ok := h.approximate(a); ok && high-low <= distanceGap*max(1, high) {
		return high
	}
	return h.ExactDistance(a)
}

// off returns the distance of a to V' w. It is at least that to the hull.
func (h *Body) off(a, w []float64) float64 {
	t := 0.
	for j, x := range a {
		// A sum of differences rounds less than the difference of a sum.
		d := 0.
		for v, c := range w {
			if c != 0 {
				d += c * (h.Points[v][j] - x)
			}
		}
		t += math.Abs(d) / h.size[j]
	}
	return t
}

// program returns the linear program of the distance, over the weights of the points and, of
// every coordinate, what these have too little and too much of.
func (h *Body) program(a []float64) *program.Program {
	n, k := h.N, len(h.Points)
	vars := k + 2*n
	q := &program.Program{
		C: make([]float64, vars), E: make([]float64, (n+1)*vars), F: append([]float64{1}, a...),
		L: make([]float64, vars), U: slices.Repeat([]float64{math.Inf(1)}, vars),
	}
	for i, row := range Weights(h.Points) {
		copy(q.E[i*vars:], row)
	}
	for j := range a {
		for side, sign := range [...]float64{1, -1} {
			at := k + 2*j + side
			q.E[(j+1)*vars+at] = sign
			q.C[at] = 1 / h.size[j]
		}
	}
	return q
}

// approximate solves for the distance in floating point and returns what weights and
// duals prove of it.
func (h *Body) approximate(a []float64) (high, low float64, ok bool) {
	n, k, q := h.N, len(h.Points), h.program(a)
	q.SetScales()
	q.Unit = 1 // weights are shares
	q.Tolerance = tolerance.Solve
	x, err := q.Minimize(q)
	if err != nil {
		return 0, 0, false
	}
	sum := 0.
	for _, v := range x[:k] {
		sum += v
	}
	for v := range k {
		x[v] /= sum
	}
	high = h.off(a, x[:k])
	y := make([]float64, n)
	for j := range y {
		most := 1 / h.size[j]
		y[j] = min(max(q.Duals[j+1]/q.Cost, -most), most)
	}
	// y . (a - v) is at most the distance for some point v.
	low = math.Inf(1)
	for _, v := range h.Points {
		s := 0.
		for j, c := range y {
			s += c * (a[j] - v[j])
		}
		low = min(low, s)
	}
	return high, max(0, low), true
}

// ExactDistance solves the same program in rational arithmetic.
func (h *Body) ExactDistance(a []float64) float64 {
	q := h.program(a)
	r := program.Rational{E: q.E, F: q.F, L: q.L, U: q.U}
	v, ok := r.Minimize(q.C)
	if !ok {
		panic("hull: the distance to a hull has no minimum")
	}
	return vec.Float(v)
}
