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
					s, err := New(p, Config{Method: "explicit", Workers: 1})
					if err != nil {
						b.Fatal(err)
					}
					defer s.Close()
					r := rand.New(rng.New(1, "chains"))
					x := make([]float64, 1<<14)
					for i := range x {
						x[i] = r.Float64()
					}
					var limits []lp.Limits
					if !own {
						_, rhs, _ := p.Inequalities()
						limits = make([]lp.Limits, rows)
						for i := range limits {
							limits[i].B = rhs
						}
					}
					lo, hi, a := make([]float64, rows), make([]float64, rows), make([]float64, rows)
					c := s.Chain(rows)
					at, done := 0, 0
					b.ReportAllocs()
					b.ResetTimer()
					for done < b.N {
						c.Begin(rows, limits)
						for range p.Dim() {
							if err := c.Next(lo, hi); err != nil {
								b.Fatal(err)
							}
							for i := range a {
								a[i] = lo[i] + (hi[i]-lo[i])*x[at&(1<<14-1)]
								at++
							}
							c.Fix(a)
						}
						done += rows
					}
					b.ReportMetric(float64(done)/b.Elapsed().Seconds(), "chains/s")
				})
			}
		}
	}
}
