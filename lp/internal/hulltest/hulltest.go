package hulltest

import (
	"math"
	"math/rand/v2"

	"paspo/lp/internal/vec"
)

// Points draws points: on the simplex, on a grid (many of them on a facet),
// anywhere, in a plane off the axes, far from 1 in size, or with repeated and inner
// ones.
func Points(r *rand.Rand) (points [][]float64, kind string) {
	n, k := 1+r.IntN(5), 1+r.IntN(14)
	kind = []string{"simplex", "grid", "normal", "flat", "large", "inner"}[r.IntN(6)]
	planes := make([][]float64, n)
	for j := range planes {
		planes[j] = []float64{math.Round(4*r.NormFloat64()) / 4, math.Round(4*r.NormFloat64()) / 4}
	}
	for range k {
		v := make([]float64, n)
		s, f := r.Float64(), r.Float64()
		sum := 0.
		for j := range v {
			switch kind {
			case "grid":
				v[j] = float64(r.IntN(3))
			case "normal", "inner":
				v[j] = r.NormFloat64()
			case "flat":
				v[j] = 1 + planes[j][0]*s + planes[j][1]*f
			case "large":
				v[j] = math.Round(1e6 * r.NormFloat64())
			case "simplex":
				v[j] = r.ExpFloat64()
				sum += v[j]
			}
		}
		if kind == "simplex" {
			for j := range v {
				v[j] /= sum
			}
		}
		points = append(points, v)
	}
	if kind == "inner" {
		points = append(points, points[0], Mixture(points, r))
	}
	return points, kind
}

// Mixture returns a point of the hull, at times one on its boundary.
func Mixture(points [][]float64, r *rand.Rand) []float64 {
	x := make([]float64, len(points[0]))
	w := make([]float64, len(points))
	sum := 0.
	few := r.IntN(3) == 0
	for v := range w {
		if !few || r.IntN(4) == 0 || sum == 0 && v == len(w)-1 {
			w[v] = r.ExpFloat64()
			sum += w[v]
		}
	}
	for v, p := range points {
		for j := range x {
			x[j] += w[v] / sum * p[j]
		}
	}
	return x
}

// Unit returns a direction that is uniform on the sphere.
func Unit(r *rand.Rand, d int) []float64 {
	u := make([]float64, d)
	for j := range u {
		u[j] = r.NormFloat64()
	}
	l := vec.Norm(u)
	for j := range u {
		u[j] /= l
	}
	return u
}
