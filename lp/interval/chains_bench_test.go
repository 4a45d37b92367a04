package interval

import (
	"math/rand/v2"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/lptest"
)

func BenchmarkChains(b *testing.B) {
	for _, p := range lptest.Presets(b) {
		for _, method := range solverMethods {
			b.Run(p.Name()+"/"+method, func(b *testing.B) {
				s := opened(b, p, Config{Method: method, Workers: 1})
				benchmarkChains(b, s, 64, nil, shares(rand.New(rng.New(1, "chains"))))
			})
		}
	}
}

// mostShares is a power of two, so that going around them costs nothing.
const mostShares = 1 << 14

// shares draws where in their intervals a benchmark chooses amounts. They are drawn
// before it, so that it measures chains alone.
func shares(r *rand.Rand) []float64 {
	x := make([]float64, mostShares)
	for i := range x {
		x[i] = r.Float64()
	}
	return x
}

// benchmarkChains completes b.N chains, a batch of rows at a time, at shares x of the
// intervals. A batch takes the next rows of limits, nil for the polytope's own, of which
// there are whole batches.
func benchmarkChains(b *testing.B, s lp.Solver, rows int, limits []lp.Limits, x []float64) {
	lo, hi, a := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	c := s.Chain(rows)
	at, done := 0, 0
	b.ReportAllocs()
	start := lptest.CPUSeconds(b)
	b.ResetTimer()
	for done < b.N {
		if limits != nil {
			c.Begin(rows, limits[done%len(limits):][:rows])
		} else {
			c.Begin(rows, nil)
		}
		for range s.Polytope().Dim() {
			if err := c.Next(lo, hi); err != nil {
				b.Fatal(err)
			}
			for i := range a {
				a[i] = lo[i] + (hi[i]-lo[i])*x[at%mostShares]
				at++
			}
			c.Fix(a)
		}
		done += rows
	}
	b.ReportMetric(float64(done)/b.Elapsed().Seconds(), "chains/s")
	b.ReportMetric(float64(done)/(lptest.CPUSeconds(b)-start), "chains/cpu-s")
}
