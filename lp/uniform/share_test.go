package uniform

import (
	"math"
	"testing"

	"paspo/internal/reference"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/lptest"
)

func TestFeasibleShareAgainstReference(t *testing.T) {
	for preset, file := range presetFiles {
		t.Run(preset, func(t *testing.T) {
			var ref struct {
				Acceptance struct{ Rate, SE float64 } `json:"acceptance"`
			}
			reference.Read(t, "polytope_"+file+".json", &ref)
			s, err := FeasibleShare(t.Context(), lptest.Preset(t, preset, 0), 200_000, rng.New(5, "share"))
			if err != nil {
				t.Fatal(err)
			}
			t.Log(s)
			if se := math.Hypot(s.StdErr, ref.Acceptance.SE); math.Abs(s.Estimate-ref.Acceptance.Rate) > 4*se {
				t.Errorf("share %v, reference %.5f", s, ref.Acceptance.Rate)
			}
			if s.Of != "the simplex" {
				t.Errorf("share of %q", s.Of)
			}
		})
	}
}

// The feasible share under a row does not depend on the unit of the row.
func TestShareOfSmallRows(t *testing.T) {
	for _, size := range []float64{1e-14, 1e-12, 1, 1e14, 1e-30} {
		p := lptest.New(t, lp.Description{Entities: lptest.Names(3), Total: 1, Rows: []lp.Row{{
			Name: "cap", Coef: []float64{size, size / 2, size / 2}, Min: math.Inf(-1), Max: 0.6 * size, // a_1 <= 0.2
		}}})
		s, err := FeasibleShare(t.Context(), p, 100_000, rng.New(1, "share"))
		if err != nil || math.Abs(s.Estimate-0.36) > 0.01 {
			t.Errorf("size %g: share %v, %v", size, s, err)
		}
	}
}

// Where no rows state a total, a share is one of the bounding box.
func TestShareWithoutTotal(t *testing.T) {
	triangle := lp.Description{
		Entities: lptest.Names(2), Total: math.NaN(), Upper: []float64{1, 1},
		Rows: []lp.Row{{Name: "half", Coef: []float64{1, 1}, Min: math.Inf(-1), Max: 1}},
	}
	share, err := FeasibleShare(t.Context(), lptest.New(t, triangle), 20_000, rng.New(1, "share"))
	if err != nil || share.Flat || share.Of != "the bounding box" || math.Abs(share.Estimate-0.5) > 0.02 {
		t.Errorf("share %+v, %v: want half of the bounding box", share, err)
	}
	triangle.Rows = nil
	share, err = FeasibleShare(t.Context(), lptest.New(t, triangle), 20_000, rng.New(1, "share"))
	if err != nil || share.Of != "the bounding box" || share.Estimate != 1 {
		t.Errorf("share %+v, %v: want all of the bounding box", share, err)
	}
}
