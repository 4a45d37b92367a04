package dist

import (
	"math"
	"math/rand/v2"
)

// NormalBetween draws a standard normal variate truncated to [a, b], a <= b, by rejection. It
// proposes normal variates on a long interval, uniform ones on a short interval, and
// exponential ones in the tail (Robert, Simulation of truncated normal variables, Statistics
// and Computing 5, 1995).
func NormalBetween(a, b float64, r *rand.Rand) float64 {
	switch {
	case !(a < b):
		return a
	case b <= 0:
		return -normalAbove(-b, -a, r)
	case a >= 0:
		return normalAbove(a, b, r)
	case b-a > 1.5:
		for {
			if x := r.NormFloat64(); x >= a && x <= b {
				return x
			}
		}
	}
	for {
		if x := a + (b-a)*r.Float64(); r.ExpFloat64() >= x*x/2 {
			return min(x, b)
		}
	}
}

// normalAbove is NormalBetween for a >= 0.
func normalAbove(a, b float64, r *rand.Rand) float64 {
	if w := b - a; a*w+w*w/2 < 1 {
		for {
			// x = a + t has the density exp(-a t - t^2/2) against that of a.
			if t := w * r.Float64(); r.ExpFloat64() >= a*t+t*t/2 {
				return min(a+t, b)
			}
		}
	}
	if a < 0.5 {
		for {
			if x := math.Abs(r.NormFloat64()); x >= a && x <= b {
				return x
			}
		}
	}
	rate := (a + math.Sqrt(a*a+4)) / 2
	for {
		x := a + r.ExpFloat64()/rate
		if x > b {
			continue
		}
		if d := x - rate; r.ExpFloat64() >= d*d/2 {
			return x
		}
	}
}
