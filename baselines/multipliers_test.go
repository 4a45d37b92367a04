package baselines

import (
	"math"
	"slices"
	"testing"
)

// A step of Adam is at most about its rate, whatever the size of a cost, and multipliers
// stay at 0 or above; multipliers with a restored state take the same steps.
func TestMultipliers(t *testing.T) {
	c := DefaultConfig()
	l := newMultipliers(3, c)
	for range 10 {
		l.ascend([]float64{1e9, 1e-9, 0}, 1e-9)
	}
	if !(math.Abs(l.lambda[0]-(1+10*c.MultiplierLR)) < 1e-3 && l.lambda[1] == 1 && l.lambda[2] < 1) {
		t.Errorf("multipliers %v", l.lambda)
	}
	for range 100 {
		l.ascend([]float64{0, 0, 0}, 1)
	}
	if slices.Min(l.lambda) != 0 {
		t.Errorf("multipliers %v", l.lambda)
	}
	other := newMultipliers(3, c)
	other.SetLearnerState(l.LearnerState())
	l.ascend([]float64{3, 2, 1}, 0)
	other.ascend([]float64{3, 2, 1}, 0)
	if !slices.Equal(l.LearnerState(), other.LearnerState()) {
		t.Error("a restored state takes other steps")
	}
}
