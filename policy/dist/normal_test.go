package dist

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"paspo/internal/rng"
	"paspo/policy/internal/policytest"
)

// Draws between two bounds have the distribution of the normal there, also where the bounds
// are in a tail.
func TestNormalBetween(t *testing.T) {
	const n = 20_000
	for _, c := range [][2]float64{
		{-1, 1}, {-0.1, 0.05}, {-3, 0.2}, {-0.2, 9}, {0, 5}, {0.2, 0.9}, {0.4, 4}, {1, 1.2}, {2, 30}, {7, 7.05}, {7, 8}, {30, 31}, {-36, -35}, {-1e3, -1e-3},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			a, b := c[0], c[1]
			sign := 1.
			if b <= 0 {
				sign = -1 // tails are accurate above 0
			}
			// (Q(a) - Q(x)) / (Q(a) - Q(b)) with Q(x) = erfc(x / sqrt 2) / 2, which does not
			// underflow up to 37.
			q := func(x float64) float64 { return math.Erfc(x / math.Sqrt2) }
			from, to := a, b
			if sign < 0 {
				from, to = -b, -a
			}
			r := rand.New(rng.New(1, t.Name()))
			x := make([]float64, n)
			for i := range x {
				x[i] = NormalBetween(a, b, r)
				if !(x[i] >= a && x[i] <= b) {
					t.Fatalf("%g is not between", x[i])
				}
				x[i] = (q(from) - q(sign*x[i])) / (q(from) - q(to))
			}
			if ks := policytest.FromUniform(x); ks > 1.95/math.Sqrt(n) {
				t.Errorf("KS distance %.4f, %.4f allowed", ks, 1.95/math.Sqrt(n))
			}
		})
	}
	if x := NormalBetween(2, 2, nil); x != 2 {
		t.Errorf("between 2 and 2: %g", x)
	}
}
