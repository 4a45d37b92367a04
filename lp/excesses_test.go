package lp

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"paspo/internal/rng"
)

// The largest excess is the residual, where that is above 0, and has its name.
func TestExcesses(t *testing.T) {
	p, err := New(Description{
		Entities: []string{"a", "b", "c"}, Total: 1, Upper: []float64{1, 0.5, 1},
		Rows: []Row{
			{Name: "ab", Coef: []float64{1, 1, 0}, Min: math.Inf(-1), Max: 0.7},
			{Name: "bc", Coef: []float64{0, 3, -2}, Min: -1, Max: 1},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rng.New(8))
	dst := make([]float64, p.Constraints())
	for range 200 {
		a := []float64{r.NormFloat64(), r.NormFloat64(), r.NormFloat64()}
		for _, lim := range []*Limits{nil, {B: []float64{0.2, 0.3, 0.4}}, {A: []float64{1, 0, 0, 0, 1, 0, 0, 0, 1}}} {
			p.Excesses(a, lim, dst)
			want, name := p.WorstConstraint(a, lim)
			if got := slices.Max(dst); math.Abs(got-max(0, want)) > 1e-15*max(1, want) {
				t.Errorf("largest excess %g of %v, residual %g of %s", got, a, want, name)
			} else if own := p.ConstraintName(slices.Index(dst, got)); lim == nil && own != name {
				t.Errorf("the largest excess is of %s, the residual of %s", own, name)
			}
		}
	}
	p.Excesses([]float64{0.5, 0.1, 0.4}, nil, dst)
	if slices.Max(dst) > 1e-15 {
		t.Errorf("a point inside has the excesses %v", dst)
	}
}
