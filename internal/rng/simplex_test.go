package rng

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Mean 1/n, variance (n-1)/(n^2 (n+1)) and covariance -1/(n^2 (n+1)) of the flat Dirichlet
// distribution, to five standard errors.
func TestSimplex(t *testing.T) {
	const n, draws = 4, 100_000
	r := rand.New(New(1, "simplex"))
	mean, square, product := 0., 0., 0.
	for range draws {
		x, sum := Simplex(r, n), 0.
		for _, v := range x {
			if v < 0 {
				t.Fatalf("%v", x)
			}
			sum += v
		}
		if math.Abs(sum-1) > 1e-15 {
			t.Fatalf("the sum of %v is %g", x, sum)
		}
		mean, square, product = mean+x[1]/draws, square+x[1]*x[1]/draws, product+x[1]*x[2]/draws
	}
	if math.Abs(mean-1./n) > 5*0.194/math.Sqrt(draws) {
		t.Errorf("mean %g", mean)
	}
	if v := square - mean*mean; math.Abs(v-3./80) > 5*0.05/math.Sqrt(draws) {
		t.Errorf("variance %g", v)
	}
	if c := product - mean*mean; math.Abs(c+1./80) > 5*0.06/math.Sqrt(draws) {
		t.Errorf("covariance %g", c)
	}
}
