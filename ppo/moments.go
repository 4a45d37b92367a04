package ppo

import "math"

// moments accumulates count, mean and sum of squared deviations of vectors,
// component by component, merging batches by Chan, Golub and LeVeque (Updating
// Formulae and a Pairwise Algorithm for Computing Sample Variances, 1979):
//
//	delta = mean_B - mean_A
//	mean  = mean_A + delta n_B/n
//	M2    = M2_A + M2_B + delta^2 n_A n_B/n
type moments struct {
	count    float64
	mean, m2 []float64

	batchMean, batchM2 []float64
}

func newMoments(dim int) *moments {
	return &moments{
		mean: make([]float64, dim), m2: make([]float64, dim),
		batchMean: make([]float64, dim), batchM2: make([]float64, dim),
	}
}

// add merges the rows of x, row-major, taken in order.
func (m *moments) add(x []float64) {
	dim := len(m.mean)
	rows := len(x) / dim
	if rows*dim != len(x) {
		panic(badRollout)
	}
	if rows == 0 {
		return
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
	n := m.count + nb
	for j := range m.mean {
		d := bm[j] - m.mean[j]
		m.mean[j] += d * (nb / n)
		m.m2[j] += b2[j] + d*d*(m.count*nb/n)
	}
	m.count = n
}

// variance returns that of the population, 1 before anything was added.
func (m *moments) variance(j int) float64 {
	if m.count == 0 {
		return 1
	}
	return m.m2[j] / m.count
}

func (m *moments) std(j int) float64 { return math.Sqrt(m.variance(j)) }

// clone returns a copy that shares nothing.
func (m *moments) clone() *moments {
	c := newMoments(len(m.mean))
	c.count = m.count
	copy(c.mean, m.mean)
	copy(c.m2, m.m2)
	return c
}
