package program

import (
	"math"
	"slices"
)

// witness is a point that proves limits non-empty up to rounding.
type witness struct {
	x []float64 // with a scaled residual of at most 1e-9

	// t is the least relaxation of all limits, scaled, and the multipliers are those
	// of violation.
	t           float64
	multipliers []float64
}

// witness decides whether the limits are empty, whatever the cost is: they are
// not if there is a point with a scaled residual of at most 1e-9 that CLP finds
// under the limits, or under limits relaxed by up to Emptiness. Else the error is
// ErrInfeasible, or another where CLP does not decide.
func (p *Program) witness() (*witness, error) {
	q := *p
	q.C, q.Cost = make([]float64, len(p.C)), CostScale
	w := &witness{}
	x, err := q.Minimize(&q)
	w.t, w.multipliers = p.violation(p.All(), p.reach())
	switch {
	case err == nil:
	case w.t <= Emptiness:
		// The size of a row in violation is that of all its entities can reach, in
		// residual of the point alone: the latter decides.
		y, e := q.Relaxed(w.t + clpTolerance).Minimize(&q)
		if e == nil {
			x, err = y, nil
		}
	case !math.IsInf(w.t, 1):
		err = ErrInfeasible
	}
	w.x = x
	return w, err
}

// rounded minimizes over limits that are empty but for rounding: from the witness
// towards the minimiser over limits that are relaxed just enough, as far as the
// residual stays at 1e-9.
func (p *Program) rounded(w *witness) []float64 {
	x := w.x
	for _, more := range [...]float64{clpTolerance, Emptiness} {
		q := p.Relaxed(w.t + more)
		if y, err := q.Minimize(q); err == nil {
			x = y
			break
		}
	}
	if p.Residual(x) <= Feasible {
		return x
	}
	at := slices.Clone(w.x)
	move := func(share float64) float64 {
		for j, v := range w.x {
			at[j] = v + share*(x[j]-v)
		}
		return p.Residual(at)
	}
	const steps = 40
	good := 0.
	for step := 0.5; step > 1./(1<<steps); step /= 2 {
		if move(good+step) <= Feasible {
			good += step
		}
	}
	move(good)
	return at
}
