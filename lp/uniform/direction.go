package uniform

import (
	"math"

	"paspo/lp/internal/vec"
)

// direction is a direction of the affine hull with all that a step along it
// changes: entities, and the slacks of rows, first those that shrink.
type direction struct {
	entities []int32
	move     []float64

	rows           []int32
	shrinking      int
	rates, inverse []float64 // inverse is 1/rates
}

// newDirection leaves out what is within rounding of 0.
func newDirection(m movingRows, v []float64) direction {
	const rounding = 1e-14
	size := vec.MaxAbs(v)
	w := make([]float64, len(v))
	var d direction
	for j, c := range v {
		if c /= size; math.Abs(c) > rounding {
			w[j] = c
			d.entities, d.move = append(d.entities, int32(j)), append(d.move, c)
		}
	}
	rates, scales := make([]float64, m.Len()), make([]float64, m.Len())
	for k := range rates {
		rates[k], scales[k] = m.Rate(k, w)
	}
	for _, sign := range []float64{1, -1} {
		for k, r := range rates {
			if sign*r > 10*rounding*scales[k] {
				d.rows, d.rates, d.inverse = append(d.rows, int32(k)), append(d.rates, r), append(d.inverse, 1/r)
			}
		}
		if sign > 0 {
			d.shrinking = len(d.rows)
		}
	}
	return d
}
