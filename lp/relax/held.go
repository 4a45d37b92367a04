package relax

import (
	"fmt"
	"math"
	"slices"

	"paspo/lp"
	"paspo/lp/interval"
)

// Held finds the least amount by which the rows of a polytope P that count from holdings have
// to relax, so that some allocation satisfies them:
//
//	t(h) = min t  subject to  a in P but for these rows,
//	       row_k(a; h) <= b_k + w_k t of these rows,  t >= lowest,
//
// where w_k is the largest weight that a term of row k has, so that t is in the units of the
// amounts. The rows then relax by max(0, t + Margin). t(h) is the lower endpoint of the interval
// of t as the first entity of a polytope over (t, a). It is used by one goroutine at a
// time, and what it finds depends on the holdings alone.
type Held struct {
	t      *HeldTemplate
	chain  lp.Chain
	h, up  []float64 // of (t, a)
	mix, b []float64
	lo, hi [1]float64
	lim    lp.Limits
}

// HeldTemplate is what all of one polytope share.
type HeldTemplate struct {
	p      *lp.Polytope
	known  []float64 // a point of P but for the rows
	rows   []int     // that count from holdings
	weight []float64 // w_k of these
	upper  []float64 // of (t, a)
	solver lp.Solver
}

// NewHeld returns nil where no row of p counts from holdings.
func NewHeld(p *lp.Polytope) (*HeldTemplate, error) {
	if !p.HasHoldings() {
		return nil, nil
	}
	d := p.Description()
	base, err := lp.New(d.WithoutHoldings())
	if err != nil {
		return nil, err
	}
	n := p.Dim()
	w := &HeldTemplate{p: p, known: make([]float64, n)}
	if !math.IsNaN(d.Total) {
		for j := range w.known {
			w.known[j] = d.Total / float64(n)
		}
	}
	if w.known, err = lp.Project(base, w.known); err != nil {
		return nil, err
	}
	_, b, _ := p.Inequalities()
	for k := range b {
		most := 0.
		for _, t := range p.Terms(k) {
			if t.Holding {
				most = max(most, t.Above, t.Below)
			}
		}
		if most > 0 {
			w.rows, w.weight = append(w.rows, k), append(w.weight, most)
		}
	}

	name := "relaxation"
	for slices.Contains(d.Entities, name) {
		name += "'"
	}
	q := lp.Description{Name: d.Name, Entities: append([]string{name}, d.Entities...), Total: math.NaN()}
	if !math.IsNaN(d.Total) {
		row := lp.Row{Name: "total", Coef: slices.Repeat([]float64{1}, n+1), Min: d.Total, Max: d.Total}
		row.Coef[0] = 0
		for slices.ContainsFunc(d.Rows, func(r lp.Row) bool { return r.Name == row.Name }) {
			row.Name += "'"
		}
		q.Rows = append(q.Rows, row)
	}
	for _, r := range d.Rows {
		row := lp.Row{Name: r.Name, Min: r.Min, Max: r.Max, Coef: append([]float64{0}, r.Coef...)}
		for _, t := range r.Terms {
			if t.Holding {
				row.Coef[0] = min(row.Coef[0], -t.Above, -t.Below)
			}
			row.Terms = append(row.Terms, t.Shifted())
		}
		q.Rows = append(q.Rows, row)
	}
	lower, upper := p.Bounds()
	w.upper = append([]float64{w.most(nil)}, upper...)
	q.Lower, q.Upper = append([]float64{lowest}, lower...), w.upper
	over, err := lp.New(q)
	if err != nil {
		return nil, fmt.Errorf("relax: %w", err)
	}
	w.solver, err = interval.New(over, interval.Config{Workers: 1})
	return w, err
}

// most returns a relaxation that is enough: that which the known point needs, and more.
func (w *HeldTemplate) most(holdings []float64) float64 {
	a, b, _ := w.p.Inequalities()
	n := len(w.known)
	most := 0.
	for i, k := range w.rows {
		v := -b[k]
		for j, x := range w.known {
			v += a[k*n+j] * x
		}
		for _, t := range w.p.Terms(k) {
			v += t.Value(w.known, holdings)
		}
		most = max(most, v/w.weight[i])
	}
	return most + 1
}

// Relaxed returns by how much limits that a Held has set are relaxed.
func (w *HeldTemplate) Relaxed(lim *lp.Limits) (by float64) {
	_, b, _ := w.p.Inequalities()
	for i, k := range w.rows {
		by = max(by, (lim.B[k]-b[k])/w.weight[i])
	}
	return by
}

// New returns one for the holdings of one copy of an environment.
func (w *HeldTemplate) New() *Held {
	n := w.p.Dim()
	_, b, _ := w.p.Inequalities()
	return &Held{t: w, chain: w.solver.Chain(1), h: make([]float64, n+1), up: slices.Clone(w.upper), mix: make([]float64, n), b: slices.Clone(b)}
}

// Limits sets the limits of a state in which h is held, which it keeps, and returns by how
// much the rows had to relax, 0 where they are as stated. The slices are valid until the next
// call.
func (w *Held) Limits(h []float64, lim *lp.Limits) (by float64) {
	by = w.least(h)
	_, b, _ := w.t.p.Inequalities()
	for i, k := range w.t.rows {
		w.b[k] = b[k] + by*w.t.weight[i]
	}
	lim.Holdings, lim.B = h, w.b
	return by
}

// least returns the relaxation.
func (w *Held) least(h []float64) float64 {
	// In most states the holdings, or a point between them and the known one, satisfy the limits.
	const kept = 1e-12
	w.lim = lp.Limits{Holdings: h}
	for _, way := range [...]float64{0, 1. / 64, 1. / 16, 1. / 8, 1. / 4, 1. / 2, 1} {
		for j, x := range h {
			w.mix[j] = x + way*(w.t.known[j]-x)
		}
		if w.t.p.Residual(w.mix, &w.lim) <= kept {
			return 0
		}
	}
	copy(w.h[1:], h)
	w.up[0] = w.t.most(h)
	w.lim = lp.Limits{Holdings: w.h, Upper: w.up}
	limits := [1]lp.Limits{w.lim}
	w.chain.Begin(1, limits[:])
	if err := w.chain.Next(w.lo[:], w.hi[:]); err != nil {
		// Rounding: the known point needs more than the least, but never less.
		return w.up[0] - 1 + Margin
	}
	return max(0, w.lo[0]+Margin)
}
