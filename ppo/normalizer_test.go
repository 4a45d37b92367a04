package ppo

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat"

	"paspo/internal/rng"
)

// Merged batches must give what two passes over all values give, a mean far from
// 0 included.
func TestMoments(t *testing.T) {
	r := rand.New(rng.New(1, "moments"))
	const dim = 3
	offset := [dim]float64{0, 1e6, -3}
	m := newMoments(dim)
	var columns [dim][]float64
	for _, rows := range []int{1, 1, 7, 0, 64, 3} {
		x := make([]float64, rows*dim)
		for i := range x {
			j := i % dim
			x[i] = offset[j] + r.NormFloat64()
			columns[j] = append(columns[j], x[i])
		}
		m.add(x)
	}
	for j, c := range columns {
		mean, variance := stat.PopMeanVariance(c, nil)
		if math.Abs(m.mean[j]-mean) > 1e-12*(1+math.Abs(mean)) || math.Abs(m.variance(j)-variance) > 1e-9*variance {
			t.Errorf("component %d: %v, %v; want %v, %v", j, m.mean[j], m.variance(j), mean, variance)
		}
	}
	if m.count != 76 {
		t.Errorf("count %v", m.count)
	}
}

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
	frozen := n.Clone()
	n.Update([]float64{100, 0})
	if frozen.Count() != 2 || frozen.Mean(0) != 2 || frozen.Deviation(0) != 1 {
		t.Errorf("the copy moved: %+v", frozen.stats)
	}
	n = NewNormalizer(2, true, 1.5)
	n.Update([]float64{1, 1, -1, -1})
	if apply(9, -9); z[0] != 1.5 || z[1] != -1.5 {
		t.Errorf("clipped: %v", z)
	}
	n = NewNormalizer(2, false, 1.5)
	n.Update([]float64{1, 1, -1, -1})
	if apply(9, -9); z[0] != 9 || n.Count() != 0 {
		t.Errorf("off: %v", z)
	}
	if err := n.Apply(z, []float64{1e300, 0}); err == nil {
		t.Error("an observation beyond float32 was taken")
	}
}
