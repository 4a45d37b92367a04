package stats

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
	m := NewMoments(dim)
	var columns [dim][]float64
	for _, rows := range []int{1, 1, 7, 0, 64, 3} {
		x := make([]float64, rows*dim)
		for i := range x {
			j := i % dim
			x[i] = offset[j] + r.NormFloat64()
			columns[j] = append(columns[j], x[i])
		}
		m.Add(x)
	}
	for j, c := range columns {
		mean, variance := stat.PopMeanVariance(c, nil)
		if math.Abs(m.Mean[j]-mean) > 1e-12*(1+math.Abs(mean)) || math.Abs(m.Variance(j)-variance) > 1e-9*variance {
			t.Errorf("component %d: %v, %v; want %v, %v", j, m.Mean[j], m.Variance(j), mean, variance)
		}
	}
	if m.Count != 76 {
		t.Errorf("count %v", m.Count)
	}
	c := m.Clone()
	m.Add([]float64{9, 9, 9})
	if c.Count != 76 || c.Mean[0] == m.Mean[0] || c.M2[0] == m.M2[0] {
		t.Errorf("the copy moved: %+v", c)
	}
}
