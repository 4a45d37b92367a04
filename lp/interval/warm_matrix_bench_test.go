package interval

import (
	"math"
	"math/rand/v2"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/lptest"
)

// BenchmarkStateMatrix completes actions of states that have a matrix of their own
// each, and reports the processor time of CLP over that of the simplex.
func BenchmarkStateMatrix(b *testing.B) {
	for _, c := range []struct {
		name string
		p    func() *lp.Polytope
	}{
		{"portfolio", func() *lp.Polytope { return lptest.Presets(b)[0] }},
		{"compute", func() *lp.Polytope { return lptest.Presets(b)[1] }},
		{"portfolio/caps", func() *lp.Polytope { return lptest.CappedPortfolio(b, 0.2) }},
		{"n=20/m=10", func() *lp.Polytope { return lptest.CappedSimplex(b, 20, 10) }},
		{"n=50/m=10", func() *lp.Polytope { return lptest.CappedSimplex(b, 50, 10) }},
		{"n=50/m=20", func() *lp.Polytope {
			return lptest.RandomSimplex(b, rand.New(rng.New(7, "bench")), 50, 20, math.Inf(1))
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := c.p()
			const rows = 16
			limits := lptest.StateLimits(p, 4*rows, rand.New(rng.New(1, "state matrices")))
			seconds := func(method string, actions int) float64 {
				s, err := New(p, Config{Method: method, Workers: 1})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				r := rand.New(rng.New(2, "places"))
				chain := s.Chain(rows)
				lo, hi, a := make([]float64, rows), make([]float64, rows), make([]float64, rows)
				walk := func(done int) {
					chain.Begin(rows, limits[done%len(limits):])
					for range p.Dim() {
						if err := chain.Next(lo, hi); err != nil {
							b.Fatal(err)
						}
						for x := range a {
							a[x] = lo[x] + (hi[x]-lo[x])*r.Float64()
						}
						chain.Fix(a)
					}
				}
				walk(0)
				start := lptest.CPUSeconds(b)
				for done := 0; done < actions; done += rows {
					walk(done)
				}
				return (lptest.CPUSeconds(b) - start) / float64(actions)
			}
			const measured = 4 * rows
			clp := seconds("clp", measured)
			b.ResetTimer()
			own := 0.
			for range b.N {
				own += seconds("lazy", 8*measured)
			}
			own /= float64(b.N)
			b.ReportMetric(1e6*own, "us/action")
			b.ReportMetric(1e6*clp, "CLP-us/action")
			b.ReportMetric(clp/own, "CLP/simplex")
			b.ReportMetric(0, "ns/op")
		})
	}
}
