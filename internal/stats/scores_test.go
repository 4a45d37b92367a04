package stats

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"paspo/internal/rng"
)

// rliable 1.2.0 gives these numbers (testdata/record.py): estimates to their last digits,
// endpoints of intervals but for what resamples differ in.
func TestRliable(t *testing.T) {
	data, err := os.ReadFile("testdata/rliable.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Scores map[string]Scores
		Taus   []float64
		Of     map[string]struct {
			IQM     [3]float64
			Gap     [3]float64 `json:"optimality_gap"`
			Profile []float64
		}
		XY [3]float64 `json:"x over y"`
		YX [3]float64 `json:"y over x"`
	}
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	check := func(what string, want [3]float64, f func(...Scores) float64, of ...Scores) {
		t.Helper()
		got := Stratified(0.95, rng.New(1, what), 20_000, f, of...)
		if math.Abs(got.Estimate-want[0]) > 1e-12 {
			t.Errorf("%s is %v, want %v", what, got.Estimate, want[0])
		}
		// Of 4000 resamples, the fewest, an endpoint has a standard error of about 1 % of the width.
		if width := want[2] - want[1]; math.Abs(got.Low-want[1]) > 0.04*width || math.Abs(got.High-want[2]) > 0.04*width {
			t.Errorf("%s has the interval [%v, %v], want [%v, %v]", what, got.Low, got.High, want[1], want[2])
		}
	}
	for name, of := range want.Of {
		s := want.Scores[name]
		check("IQM of "+name, of.IQM, func(s ...Scores) float64 { return IQM(s[0].all()) }, s)
		check("optimality gap of "+name, of.Gap, func(s ...Scores) float64 { return s[0].OptimalityGap(1) }, s)
		if got := s.Profile(want.Taus); !slices.EqualFunc(got, of.Profile, func(a, b float64) bool { return math.Abs(a-b) < 1e-12 }) {
			t.Errorf("profile of %s is %v, want %v", name, got, of.Profile)
		}
	}
	improvement := func(s ...Scores) float64 { return ProbabilityOfImprovement(s[0], s[1]) }
	check("x over y", want.XY, improvement, want.Scores["x"], want.Scores["y"])
	check("y over x", want.YX, improvement, want.Scores["y"], want.Scores["x"])
}

func TestOneRunHasNoStratifiedInterval(t *testing.T) {
	iv := Stratified(0.95, rng.New(1), 100, func(s ...Scores) float64 { return IQM(s[0].all()) }, Scores{{7}, {9}})
	if iv.Estimate != 8 || !math.IsNaN(iv.Low) || !math.IsNaN(iv.High) {
		t.Errorf("got %+v", iv)
	}
	iv = Stratified(0.95, rng.New(1), 100, func(s ...Scores) float64 { return Mean(s[0].all()) - Mean(s[1].all()) }, Scores{{7}}, Scores{{1, 2}})
	if iv.Estimate != 5.5 || !math.IsNaN(iv.Low) || !math.IsNaN(iv.High) {
		t.Errorf("of one run and two: %+v", iv)
	}
}

func TestIQMAndMedian(t *testing.T) {
	xs := []float64{9, 1, 2, 3, 4, 5, 6, -7}
	if IQM(xs) != 3.5 || Median(xs) != 3.5 || Median(xs[:3]) != 2 || xs[0] != 9 {
		t.Errorf("%v, %v, %v", IQM(xs), Median(xs), Median(xs[:3]))
	}
}
