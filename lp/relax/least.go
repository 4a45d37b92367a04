package relax

import (
	"fmt"
	"math"
	"slices"

	"paspo/lp"
)

// Least returns the least amount by which bounds and limits of rows, as they are stated,
// have to be relaxed, all by the same and the total by none, so that some allocation satisfies
// a description, 0 where one does. Rows that are equalities are relaxed both ways.
func Least(d lp.Description) (float64, error) {
	if d.Points != nil {
		return 0, fmt.Errorf("a hull of points has no limits to relax")
	}
	n := len(d.Entities)
	at := 0. // every entity at a point that the total allows
	if !math.IsNaN(d.Total) {
		at = d.Total / float64(n)
	}
	// q is over the relaxation t and the entities.
	q := lp.Description{Total: math.NaN(), Lower: slices.Repeat([]float64{math.Inf(-1)}, n+1), Upper: slices.Repeat([]float64{math.Inf(1)}, n+1)}
	most := 0.
	row := func(coef []float64, terms []lp.Term, sign, limit float64) {
		if math.IsInf(limit, 0) {
			return
		}
		r := lp.Row{Name: fmt.Sprintf("row %d", len(q.Rows)), Coef: append([]float64{sign}, coef...), Min: math.Inf(-1), Max: math.Inf(1)}
		value := 0.
		for _, c := range coef {
			value += c * at
		}
		for _, t := range terms {
			value += t.Value(slices.Repeat([]float64{at}, n), nil)
			t = t.Shifted()
			t.Holding = false
			r.Terms = append(r.Terms, t)
		}
		if sign < 0 {
			r.Max, most = limit, max(most, value-limit)
		} else {
			r.Min, most = limit, max(most, limit-value)
		}
		q.Rows = append(q.Rows, r)
	}
	for j := range n {
		q.Entities = append(q.Entities, fmt.Sprintf("entity %d", j))
		lower, upper := 0., math.Inf(1)
		if d.Lower != nil {
			lower = d.Lower[j]
		}
		if d.Upper != nil {
			upper = d.Upper[j]
		}
		coef := make([]float64, n)
		coef[j] = 1
		row(coef, nil, 1, lower)
		row(coef, nil, -1, upper)
	}
	for _, r := range d.Rows {
		row(r.Coef, r.Terms, -1, r.Max)
		row(r.Coef, r.Terms, 1, r.Min)
	}
	if !math.IsNaN(d.Total) {
		q.Rows = append(q.Rows, lp.Row{Name: "total", Coef: append([]float64{0}, slices.Repeat([]float64{1}, n)...), Min: d.Total, Max: d.Total})
	}
	q.Entities = append([]string{"relaxation"}, q.Entities...)
	q.Lower[0], q.Upper[0] = 0, most+1
	p, err := lp.New(q)
	if err != nil {
		return 0, err
	}
	cost := make([]float64, n+1)
	cost[0] = 1
	_, least, err := p.Minimize(cost, nil)
	return least, err
}
