package finite

import (
	"math"
	"testing"
)

func TestFirst(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		v    []float64
		want int
	}{{nil, -1}, {[]float64{0, -math.MaxFloat64}, -1}, {[]float64{0, -inf, math.NaN()}, 1}, {[]float64{math.NaN()}, 0}} {
		if got := First(c.v); got != c.want {
			t.Errorf("%v: %d, want %d", c.v, got, c.want)
		}
	}
}
