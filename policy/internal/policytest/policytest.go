package policytest

import (
	"math"
	"slices"
)

// Near reports whether got is want up to tol, relative where want is above 1.
func Near(got, want, tol float64) bool {
	return got == want || math.Abs(got-want) <= tol*max(1, math.Abs(want))
}

// FromUniform returns the Kolmogorov-Smirnov distance of a sample, which it sorts, from numbers that
// are uniform between 0 and 1.
func FromUniform(u []float64) (distance float64) {
	slices.Sort(u)
	n := float64(len(u))
	for i, p := range u {
		distance = max(distance, math.Abs(p-float64(i)/n), math.Abs(p-float64(i+1)/n))
	}
	return distance
}

// Shapes are pairs of alpha and beta that reach every branch of sampling.
var Shapes = [][2]float64{
	{1e-3, 1e-3}, {1e-3, 1e5}, {1e5, 1e-3}, {0.05, 0.3}, {0.7, 3}, {1, 1}, {1.2, 0.9},
	{2.5, 7}, {40, 3}, {900, 1100}, {1e5, 1e5},
}
