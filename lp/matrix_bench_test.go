package lp

import (
	"math"
	"math/rand/v2"
	"testing"

	"paspo/internal/rng"
	"paspo/lp/internal/vec"
)

// stateLimits draws matrices about that of p, with right-hand sides that leave a point
// of it inside.
func stateLimits(p *Polytope, states int, r *rand.Rand) []Limits {
	n := p.Dim()
	inside := make([]float64, n)
	lo, hi, err := BoundingBox(p)
	if err != nil {
		panic(err)
	}
	c := make([]float64, n)
	const corners = 16
	for range corners { // a mean of vertices
		for j := range c {
			c[j] = r.NormFloat64() / (hi[j] - lo[j] + 1e-3)
		}
		x, _, err := p.Minimize(c, nil)
		if err != nil {
			panic(err)
		}
		for j, v := range x {
			inside[j] += v / corners
		}
	}
	limits := make([]Limits, states)
	for s := range limits {
		a, b := make([]float64, len(p.Form().A)), make([]float64, len(p.Form().B))
		for k := range b {
			for j := range n {
				if v := p.Form().A[k*n+j]; v != 0 {
					a[k*n+j] = v * (0.5 + r.Float64())
				}
			}
			v := vec.Dot(a[k*n:(k+1)*n], inside)
			b[k] = v + max(0, p.Form().B[k]-vec.Dot(p.Form().A[k*n:(k+1)*n], inside))*(0.2+r.Float64())
		}
		limits[s] = Limits{A: a, B: b}
	}
	return limits
}

// BenchmarkStateMatrix completes actions of states that have a matrix of their own
// each, and reports the processor time of CLP over that of the simplex.
func BenchmarkStateMatrix(b *testing.B) {
	for _, c := range []struct {
		name string
		p    func() *Polytope
	}{
		{"portfolio", func() *Polytope { return presets(b)[0] }},
		{"compute", func() *Polytope { return presets(b)[1] }},
		{"portfolio/caps", func() *Polytope { return cappedPortfolio(b, 0.2) }},
		{"n=20/m=10", func() *Polytope { return cappedSimplex(b, 20, 10) }},
		{"n=50/m=10", func() *Polytope { return cappedSimplex(b, 50, 10) }},
		{"n=50/m=20", func() *Polytope { return randomSimplex(b, rand.New(rng.New(7, "bench")), 50, 20, math.Inf(1)) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := c.p()
			const rows = 16
			limits := stateLimits(p, 4*rows, rand.New(rng.New(1, "state matrices")))
			seconds := func(method string, actions int) float64 {
				s, err := NewSolver(p, SolverConfig{Method: method, Workers: 1})
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
				start := cpuSeconds(b)
				for done := 0; done < actions; done += rows {
					walk(done)
				}
				return (cpuSeconds(b) - start) / float64(actions)
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
