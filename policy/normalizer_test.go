package policy

import (
	"math"
	"strings"
	"testing"
)

func TestNormalizer(t *testing.T) {
	n := NewNormalizer(2, true, 0)
	z := make([]float32, 2)
	apply := func(x ...float64) {
		t.Helper()
		if err := n.Apply(z, x); err != nil {
			t.Fatal(err)
		}
	}
	if apply(5, -7); z[0] != 5 || z[1] != -7 {
		t.Errorf("before any update: %v", z)
	}
	n.Update([]float64{1, 10, 3, 10})
	if apply(4, 10); math.Abs(float64(z[0])-2) > 1e-6 || z[1] != 0 {
		t.Errorf("got %v, want 2, 0: mean 2 and deviation 1, a constant", z)
	}
	// What was 10 so far, and a constant that rounding has moved, say nothing of the scale of others.
	if apply(2, 13); z[1] != 3 {
		t.Errorf("3 above a constant: %v", z)
	}
	rounded := NewNormalizer(1, true, 0)
	for range 7 {
		rounded.Update([]float64{0.1, 0.1, 0.1})
	}
	if err := rounded.Apply(z[:1], []float64{1.1}); err != nil || math.Abs(float64(z[0])-1) > 1e-6 {
		t.Errorf("1 above a constant of 0.1: %v, %v", z[0], err)
	}
	frozen := n.Clone()
	n.Update([]float64{100, 0})
	if s := frozen.Seen; s.Count != 2 || s.Mean[0] != 2 || s.Variance(0) != 1 {
		t.Errorf("the copy moved: %+v", s)
	}
	n = NewNormalizer(2, true, 1.5)
	n.Update([]float64{1, 1, -1, -1})
	if apply(9, -9); z[0] != 1.5 || z[1] != -1.5 {
		t.Errorf("clipped: %v", z)
	}
	n = NewNormalizer(2, false, 1.5)
	n.Update([]float64{1, 1, -1, -1})
	if apply(9, -9); z[0] != 9 || n.Seen.Count != 0 {
		t.Errorf("off: %v", z)
	}
	z = make([]float32, 4)
	err := n.Apply(z, []float64{1, 2, 3, 1e300})
	if err == nil || !strings.Contains(err.Error(), "component 1 of the observation of row 1, which is 1e+300,") {
		t.Errorf("an observation beyond float32: %v", err)
	}
}
