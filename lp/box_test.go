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
