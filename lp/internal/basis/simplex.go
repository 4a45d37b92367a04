package basis

import "math"

// Status says how a search ended.
type Status int

const (
	Solved     Status = iota
	Infeasible        // a row of the inverse is a Farkas ray
	Failed            // no answer that can be relied on
)

// pivotTol is the least size of a pivot, in units of a matrix whose rows have a
// largest element between 1 and 2.
const pivotTol = 1e-9

// updates is the number of pivots after which a search computes the basic variables and
// reduced costs from the inverse, because every pivot that updates them adds rounding errors.
const updates = 32

// candidate is a variable that may enter the basis. ratio is the dual step at which its
// reduced cost becomes 0.
type candidate struct {
	v           int
	ratio, size float64 // size of the pivot
}

// Solve looks for an optimal basis and starts from the basis of from. It accepts one whose
// variables violate their bounds by at most part times their tolerances.
func (w *Work) Solve(q *Query, from *Duals, part float64) Status {
	w.start(from)
	for _, j := range from.upCols {
		if math.IsInf(q.Up[j], 1) {
			return Failed
		}
	}
	return w.search(q, part)
}

// Again goes on after Solve. p has the basis in which the search ended, and its exact duals
// put some nonbasic variables at other bounds than the search had them; Again takes those.
func (w *Work) Again(q *Query, p *Duals, part float64) Status {
	copy(w.State, p.state)
	return w.search(q, part)
}

func (w *Work) search(q *Query, part float64) Status {
	limit := 100 + 10*(w.g.M+w.g.N)
	w.refresh(q)
	for it := range limit {
		if w.pivots >= updates {
			w.refresh(q)
		}
		cautious := it > limit/3 // then pivots cannot cycle
		r, below := w.leaving(q, part, cautious)
		s := Solved
		if r >= 0 {
			s = w.step(q, r, below, part, cautious)
			if s == Solved {
				continue
			}
		}
		if w.pivots == 0 || s == Solved && w.pivots <= w.trusted {
			if s == Solved && w.trusted == 0 {
				w.settleFixed(q)
			}
			return s
		}
		w.refresh(q) // the search may have ended only because of rounding: look again
	}
	return Failed
}

// leaving returns the row whose basic variable leaves: that of the largest violation, and the
// one of the first such variable if cautious. It returns -1 where no variable violates its
// bounds. below says which bound is violated.
func (w *Work) leaving(q *Query, part float64, cautious bool) (row int, below bool) {
	row = -1
	worst := 1.
	for r, v := range w.head {
		d, low := -w.x[r], true
		if over := w.x[r] - q.Up[v]; over > d {
			d, low = over, false
		}
		if d <= part*q.Tol[v] { // saves the division
			continue
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

// settleFixed puts variables whose bounds are both 0 at the bound that their reduced cost
// asks for, as Build does. The search leaves them where they are.
func (w *Work) settleFixed(q *Query) {
	for v := w.live; v < len(w.State); v++ {
		if w.State[v] == Basic || q.Up[v] != 0 {
			continue
		}
		w.State[v] = Lower
		if v >= w.g.N && w.g.Equality[v-w.g.N] {
			continue
		}
		if w.z[v] < 0 {
			w.State[v] = Upper
		}
	}
}

// step is one pivot: the basic variable of row leaves the basis for the bound that it
// violates. Variables that the dual step passes flip to their other bounds.
func (w *Work) step(q *Query, row int, below bool, part float64, cautious bool) Status {
	w.row(row)
	out := w.head[row]
	slope := -w.x[row]
	sign := 1.
	if !below {
		slope, sign = w.x[row]-q.Up[out], -1
	}
	w.candidates = w.candidates[:0]
	ignored := 0.
	for x := range len(w.State) - w.live {
		v := w.turn(x)
		s, a := w.State[v], sign*w.alpha[v]
		if s == Basic || q.Up[v] == 0 || s == Lower && a >= 0 || s == Upper && a <= 0 {
			continue
		}
		size, z := abs(a), w.z[v]
		if size < pivotTol {
			ignored += size * q.Up[v]
			continue
		}
		if s == Upper {
			z = -z
		}
		w.candidates = append(w.candidates, candidate{v, max(0, z) / size, size})
	}
	in, passed := -1, 0
	for ; passed < len(w.candidates); passed++ {
		left := w.candidates[passed:]
		best := 0
		for c := range left {
			const tie = 1e-12
			switch o, b := &left[c], &left[best]; {
			case o.ratio < b.ratio-tie:
				best = c
			case o.ratio <= b.ratio+tie && !cautious && o.size > b.size:
				best = c
			}
		}
		b := left[best]
		rest := slope - b.size*q.Up[b.v]
		if cautious || !(rest > part*q.Tol[out]) {
			in = b.v
			break
		}
		// Flipping this candidate to its other bound does not remove the violation. It is
		// moved to the front, and the others keep their order, which decides ties.
		slope = rest
		copy(left[1:best+1], left[:best])
		left[0] = b
	}
	if in < 0 {
		if slope-2*ignored > part*q.Tol[out] {
			w.ray = row
			return Infeasible
		}
		return Failed
	}
	// The pivot element has been computed twice, from its row and from its column. If the
	// numbers differ, the inverse has lost its precision.
	w.column(in)
	if d := w.beta[row]; !(abs(d-w.alpha[in]) <= 1e-6*abs(d)) {
		return Failed
	}
	if passed > 0 {
		clear(w.rest)
		for _, c := range w.candidates[:passed] {
			up := q.Up[c.v]
			if w.State[c.v] == Upper {
				up = -up
			}
			w.subtract(c.v, up)
			w.State[c.v] = 1 - w.State[c.v]
		}
		w.apply(w.beta, w.rest)
		for r, v := range w.beta {
			w.x[r] += v
		}
		w.column(in)
	}
	move, value := w.x[row], 0.
	w.State[out] = Lower
	if !below {
		w.State[out] = Upper
		move -= q.Up[out]
	}
	if w.State[in] == Upper {
		value = q.Up[in]
	}
	move /= w.beta[row]
	for r, v := range w.beta {
		w.x[r] -= move * v
	}
	w.x[row] = value + move
	if f := w.z[in] / w.alpha[in]; f != 0 {
		z := w.z[w.live:]
		for v, a := range w.alpha[w.live:] {
			z[v] -= f * a
		}
		w.z[out] = -f
	} else {
		w.z[out] = 0
	}
	w.z[in] = 0
	w.State[in] = Basic
	w.pivot(row, in)
	return Solved
}
