package walkforward

import (
	"math"
	"slices"

	"paspo/lp"
)

// borrowed is a polytope of allocations a with one more entity for each that costs something to
// be short of, the amount s that is borrowed of it: s >= 0 and s >= -a. Costs of borrowing are
// linear in s, and whoever grows most borrows no more than what is short. It is the polytope
// itself where nothing costs anything to borrow, and for hulls of points, which take no more entities.
type borrowed struct {
	*lp.Polytope
	assets int       // entities of a, cash among them
	of     []int     // entities that are borrowed
	costs  []float64 // of a period, as shares of the amount
}

// newBorrowed returns p with what is borrowed, where costs returns what an allocation pays for
// it. All allocations are in box, where some of p count from what is held.
func newBorrowed(p, box *lp.Polytope, costs func(a []float64) float64) (*borrowed, error) {
	n := p.Dim()
	q := &borrowed{Polytope: p, assets: n}
	if p.Points() != nil {
		return q, nil
	}
	d := p.Description()
	d.Entities, d.Lower, d.Upper = slices.Clone(d.Entities), slices.Clone(d.Lower), slices.Clone(d.Upper)
	a := make([]float64, n)
	for i, name := range p.Entities() {
		a[i] = -1
		cost := costs(a)
		a[i] = 1
		_, least, err := box.Minimize(a, nil)
		if a[i] = 0; err != nil {
			return nil, err
		}
		if cost == 0 || least >= 0 {
			continue
		}
		q.of, q.costs = append(q.of, i), append(q.costs, cost)
		d.Entities = append(d.Entities, name+", borrowed")
		d.Lower, d.Upper = append(d.Lower, 0), append(d.Upper, -2*least) // which never binds
	}
	if q.of == nil {
		return q, nil
	}
	none := make([]float64, len(q.of))
	d.Rows = slices.Clone(d.Rows)
	for k := range d.Rows {
		r := &d.Rows[k]
		r.Coef, r.Terms = slices.Concat(r.Coef, none), slices.Clone(r.Terms)
		for i := range r.Terms {
			if t := &r.Terms[i]; t.Sum != nil {
				t.Sum = slices.Concat(t.Sum, none)
			}
		}
	}
	if !math.IsNaN(d.Total) { // the budget is of a alone
		d.Rows = append(d.Rows, lp.Row{Name: "total of the allocation", Coef: append(slices.Repeat([]float64{1}, n), none...), Min: d.Total, Max: d.Total})
		d.Total = math.NaN()
	}
	for k, i := range q.of {
		coef := make([]float64, n+len(none))
		coef[i], coef[n+k] = -1, -1
		d.Rows = append(d.Rows, lp.Row{Name: d.Entities[n+k] + ", at least", Coef: coef, Min: math.Inf(-1)})
	}
	var err error
	q.Polytope, err = lp.New(d)
	return q, err
}

// with returns an allocation with what it borrows.
func (q *borrowed) with(a []float64) []float64 {
	x := slices.Clone(a)
	for _, i := range q.of {
		x = append(x, max(0, -a[i]))
	}
	return x
}

// growth returns growth, periods x entities, with what borrowing costs.
func (q *borrowed) growth(all [][]float64) [][]float64 {
	out := make([][]float64, len(all))
	for t, row := range all {
		out[t] = slices.Clone(row)
		for _, c := range q.costs {
			out[t] = append(out[t], -c)
		}
	}
	return out
}

// limits returns limits of a as those of q.
func (q *borrowed) limits(lim *lp.Limits) *lp.Limits {
	if lim == nil || q.of == nil {
		return lim
	}
	out := *lim
	lower, upper := q.Bounds()
	for _, s := range []struct {
		v    *[]float64
		more []float64
	}{{&out.B, make([]float64, len(q.of))}, {&out.Holdings, make([]float64, len(q.of))}, {&out.Lower, lower[q.assets:]}, {&out.Upper, upper[q.assets:]}} {
		if *s.v != nil {
			*s.v = slices.Concat(*s.v, s.more)
		}
	}
	return &out
}
