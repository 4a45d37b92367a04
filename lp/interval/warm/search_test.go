package warm

import (
	"math"
	"math/rand/v2"
	"testing"

	"paspo/internal/exact"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/basis"
	"paspo/lp/internal/lptest"
)

// The endpoints of the first entity under many dense rows are found where the dual simplex
// method wanders and rational arithmetic takes too long.
func TestEndpointsUnderManyRows(t *testing.T) {
	const n = 50
	r := rand.New(rng.New(1, "wander"))
	d := lp.Description{Entities: lptest.Names(n), Total: 1}
	for range n {
		row := lp.Row{Coef: make([]float64, n), Min: math.Inf(-1), Max: 0.002}
		for j := range row.Coef {
			row.Coef[j] = r.NormFloat64()
			row.Max += row.Coef[j] / n
		}
		d.Rows = append(d.Rows, row)
	}
	p, err := lp.New(d)
	if err != nil {
		t.Fatal(err)
	}
	p = p.Canonical()
	m, err := newModel(t.Context(), p, 10)
	if err != nil {
		t.Fatal(err)
	}
	c := (&Solver{m: m}).Chain(1).(*chain)
	c.Begin(1, nil)
	q := c.query(0, &c.rows[0])
	lo, hi, err := lp.BoundingBox(p)
	if err != nil {
		t.Fatal(err)
	}
	wandered := 0
	for x, want := range []float64{lo[0], hi[0]} {
		e := m.suffix[0].stores[x]
		var w basis.Work
		if found, infeasible := e.simplex(q, &w, e.from(q), tight); found == nil && !infeasible {
			if _, status := exactDuals(e.g, q); status == exact.Exhausted {
				wandered++
			}
		}
		found := e.search(q, &w)
		if found == nil {
			t.Errorf("endpoint %d is not found", x)
			continue
		}
		got := found.Value(q)
		if x == 1 {
			got = -got
		}
		if got += m.base[0]; !(math.Abs(got-want) <= 1e-11) {
			t.Errorf("endpoint %d is %v, want %v", x, got, want)
		}
	}
	if wandered == 0 {
		t.Error("no search wandered")
	}
}
