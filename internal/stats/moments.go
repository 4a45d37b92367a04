package stats

import (
	"fmt"
	"math"
	"slices"
)

// VarianceFloor is added to a variance before its root divides.
const VarianceFloor = 1e-8

// Moments accumulates count, mean and sum of squared deviations of vectors,
// component by component, merging batches by Chan, Golub and LeVeque (Updating
// Formulae and a Pairwise Algorithm for Computing Sample Variances, 1979):
//
//	delta = mean_B - mean_A
//	mean  = mean_A + delta n_B/n
//	M2    = M2_A + M2_B + delta^2 n_A n_B/n
type Moments struct {
	Count    float64
	Mean, M2 []float64

	batchMean, batchM2 []float64
}

// NewMoments returns moments of vectors of dim components, of which none was
// added.
func NewMoments(dim int) *Moments {
	return &Moments{Mean: make([]float64, dim), M2: make([]float64, dim)}
}

// Add merges the rows of x, row-major, taken in order.
func (m *Moments) Add(x []float64) {
	dim := len(m.Mean)
	rows := len(x) / dim
	if rows*dim != len(x) {
		panic(fmt.Sprintf("stats: %d numbers are no rows of %d", len(x), dim))
	}
	if rows == 0 {
		return
	}
	if m.batchMean == nil {
		m.batchMean, m.batchM2 = make([]float64, dim), make([]float64, dim)
	}
	bm, b2 := m.batchMean, m.batchM2
	clear(bm)
	clear(b2)
	// Welford's recurrence, which a large mean does not hurt.
	for r := range rows {
		for j, v := range x[r*dim : (r+1)*dim] {
			d := v - bm[j]
			bm[j] += d / float64(r+1)
			b2[j] += d * (v - bm[j])
		}
	}
	nb := float64(rows)
	n := m.Count + nb
	for j := range m.Mean {
		d := bm[j] - m.Mean[j]
		m.Mean[j] += d * (nb / n)
		m.M2[j] += b2[j] + d*d*(m.Count*nb/n)
	}
	m.Count = n
}

// Variance returns that of the population, 1 before anything was added.
func (m *Moments) Variance(j int) float64 {
	if m.Count == 0 {
		return 1
	}
	return m.M2[j] / m.Count
}

// Deviation returns what standardising divides by, sqrt(variance + 1e-8).
func (m *Moments) Deviation(j int) float64 { return math.Sqrt(m.Variance(j) + VarianceFloor) }

// Clone returns a copy that shares nothing.
func (m *Moments) Clone() *Moments {
	return &Moments{Count: m.Count, Mean: slices.Clone(m.Mean), M2: slices.Clone(m.M2)}
}
