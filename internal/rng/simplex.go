package rng

import "math/rand/v2"

// Simplex returns a uniform point of {x in R^n : x >= 0, sum x = 1}, the flat Dirichlet
// distribution, from n exponentials.
func Simplex(r *rand.Rand, n int) []float64 {
	x, sum := make([]float64, n), 0.
	for j := range x {
		x[j] = r.ExpFloat64()
		sum += x[j]
	}
	for j := range x {
		x[j] /= sum
	}
	return x
}
