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

// A share takes as many points as tell enough: few where it is large or next to nothing, all where
// it is small. Those that are drawn are the same ones.
func TestShareStops(t *testing.T) {
	const most = 1_000_000
	for share, points := range map[float64]int{0.5: 1 << 18, 0.005: 1 << 19, 0.002: most, 1e-7: 1 << 18} {
		p := lptest.New(t, lp.Description{Entities: lptest.Names(2), Total: 1, Upper: []float64{share, 1}})
		s, err := FeasibleShare(t.Context(), p, most, rng.New(1, "share"))
		if err != nil || s.Proposals != points || math.Abs(s.Estimate-share) > 4*max(s.StdErr, s.Below) || s.Accepted > 0 && s.StdErr > 0.025*s.Estimate {
			t.Errorf("%g: %+v, %v, want %d points", share, s, err, points)
		}
		if again, err := FeasibleShare(t.Context(), p, points, rng.New(1, "share")); err != nil || again != s {
			t.Errorf("%g: %+v of as many points, %v, was %+v", share, again, err, s)
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
