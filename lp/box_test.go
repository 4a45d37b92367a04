package lp

import (
	"math"
	"testing"

	"paspo/internal/reference"
)

// The least and the largest share of every entity on the published polytopes.
func TestMinimizeBoundingBox(t *testing.T) {
	for _, c := range []struct{ preset, file string }{{"compute", "bounds_compute9.json"}, {"synthetic", "bounds_synth7.json"}} {
		var want struct {
			Records []struct {
				BoundsTight [][2]float64 `json:"bounds_tight"`
			}
		}
		reference.Read(t, c.file, &want)
		p, err := presetPolytope(c.preset)
		if err != nil {
			t.Fatal(err)
		}
		rowsOnly := *p
		rowsOnly.points = nil
		cost := make([]float64, p.Dim())
		for _, q := range []*Polytope{p, &rowsOnly} {
			cost[0] = 1
			_, lo, err := q.Minimize(cost, nil)
			if err != nil {
				t.Fatal(err)
			}
			cost[0] = -1
			_, hi, err := q.Minimize(cost, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(want.Records) == 0 {
				t.Fatal("no records in the reference")
			}
			tight := want.Records[0].BoundsTight[0]
			if math.Abs(lo-tight[0]) > 1e-9 || math.Abs(-hi-tight[1]) > 1e-9 {
				t.Errorf("%s: [%g, %g], want %v", c.preset, lo, -hi, tight)
			}
		}
	}
}

// A polytope that is one point up to rounding: the only point that satisfies its equalities breaks
// other rows by less than 1e-15. CLP calls the program that looks for the largest d unbounded.
func TestBoundingBoxOfOnePoint(t *testing.T) {
	inf := math.Inf(1)
	p, err := New(Description{
		Entities: []string{"a", "b", "c", "d"}, Total: 0.9556758509720398,
		Lower: []float64{0.7244257040126549, 0, 0, -0.9374507589268571},
		Upper: []float64{0.7244257040126549, 0.07615432833161062, 0.15509581862777422, inf},
		Rows: []Row{
			{Coef: []float64{1.060867156470513, 0.7759675338111837, 0, 0}, Min: 0.8276127230345818, Max: 0.8276127230345818},
			{Coef: []float64{0, 0.6775125864952485, -0.22705834349402232, 1.5142168655115271}, Min: -inf, Max: 0.016379716300286146},
			{Coef: []float64{-2.412784553427638, -0.07933857579651504, -0.7248145809184303, 2.0832779898986136}, Min: -1.8663408364791372, Max: -1.866340834479137},
			{Coef: []float64{0, -0.08191532062995499, 0, 0}, Min: -inf, Max: -0.006238205222642749},
			{Coef: []float64{0, 0.15895398493412927, 0, 0.7639946926062626}, Min: 0.012105033958291569, Max: 0.012105033958291569},
			{Coef: []float64{-0.8920345970482215, 0, 0.5822397855516372, 0}, Min: -inf, Max: -0.555909834792512},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	lo, hi, err := BoundingBox(p)
	if err != nil {
		t.Fatal(err)
	}
	a := p.Form().L[0]
	b := (0.8276127230345818 - 1.060867156470513*a) / 0.7759675338111837
	d := (0.012105033958291569 - 0.15895398493412927*b) / 0.7639946926062626
	for j, want := range []float64{a, b, 0.9556758509720398 - a - b - d, d} {
		if !(math.Abs(lo[j]-want) <= 1e-12 && math.Abs(hi[j]-want) <= 1e-12) {
			t.Errorf("entity %d: [%v, %v], not %v", j, lo[j], hi[j], want)
		}
	}
}
