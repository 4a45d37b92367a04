package interval

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/lptest"
)

// BenchmarkBatches measures full chains of the closed form by the size of the
// batch, under the polytope's own limits and under others.
func BenchmarkBatches(b *testing.B) {
	for _, p := range lptest.Presets(b) {
		for _, own := range []bool{true, false} {
			if !own && p.Points() != nil {
				continue
			}
			for _, rows := range []int{1, 8, 64, 4096} {
				b.Run(fmt.Sprintf("%s/own=%v/%d", p.Name(), own, rows), func(b *testing.B) {
					s := opened(b, p, Config{Method: "explicit", Workers: 1})
					var limits []lp.Limits
					if !own {
						_, rhs, _ := p.Inequalities()
						limits = make([]lp.Limits, rows)
						for i := range limits {
							limits[i].B = rhs
						}
					}
					benchmarkChains(b, s, rows, limits, shares(rand.New(rng.New(1, "chains"))))
				})
			}
		}
	}
}
