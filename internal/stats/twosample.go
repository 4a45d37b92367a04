package stats

import (
	"math"
	"slices"
)

// KolmogorovSmirnov returns the largest distance between the distribution
// functions of two samples (Smirnov, Ann. Math. Statist. 19, 1948). It is NaN
// where a sample is empty.
func KolmogorovSmirnov(x, y []float64) float64 {
	if len(x) == 0 || len(y) == 0 {
		return math.NaN()
	}
	x, y = slices.Sorted(slices.Values(x)), slices.Sorted(slices.Values(y))
	var d float64
	for i, j := 0, 0; i < len(x) && j < len(y); {
		v := min(x[i], y[j])
		for i < len(x) && x[i] == v {
			i++
		}
		for j < len(y) && y[j] == v {
			j++
		}
		d = max(d, math.Abs(float64(i)/float64(len(x))-float64(j)/float64(len(y))))
	}
	return d
}

// EnergyDistance returns the energy distance of two samples of points of the
// given dimension, as a share of its largest possible value,
//
//	(2 E|X-Y| - E|X-X'| - E|Y-Y'|) / (2 E|X-Y|),
//
// which is 0 for equal distributions and 1 for two different points (Szekely and
// Rizzo, Energy statistics, J. Statist. Plann. Inference 143, 2013, section 4). Means
// are over distinct pairs, so the estimate may be below 0.
func EnergyDistance(x, y []float64, dim int) float64 {
	n, m := len(x)/dim, len(y)/dim
	between, cross := 0., 0.
	for i := range n {
		for j := range m {
			cross += euclidean(x[i*dim:(i+1)*dim], y[j*dim:(j+1)*dim])
		}
	}
	cross /= float64(n * m)
	for _, s := range [...][]float64{x, y} {
		k := len(s) / dim
		sum := 0.
		for i := range k {
			for j := range i {
				sum += euclidean(s[i*dim:(i+1)*dim], s[j*dim:(j+1)*dim])
			}
		}
		between += 2 * sum / float64(k*(k-1))
	}
	return (2*cross - between) / (2 * cross)
}

func euclidean(a, b []float64) float64 {
	s := 0.
	for i, v := range a {
		d := v - b[i]
		s += d * d
	}
	return math.Sqrt(s)
}

// MeanStd returns the mean of a sample and the standard deviation of what it was drawn from,
// sqrt(M2 / (N - 1)).
func MeanStd(x []float64) (mean, std float64) {
	m := Of(x)
	return m.Mean, math.Sqrt(m.M2 / (m.N - 1))
}
