package interval

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/lptest"
	"paspo/lp/interval/warm"
)

// BenchmarkLazy reports chains and hit rate on polytopes with caps.
func BenchmarkLazy(b *testing.B) {
	for _, c := range []struct {
		name      string
		p         func() *lp.Polytope
		limits    bool // that follow the state
		endpoints bool // choices at endpoints of intervals alone
	}{
		{"portfolio/cap=0.2", func() *lp.Polytope { return lptest.CappedPortfolio(b, 0.2) }, false, false},
		{"portfolio/endpoints", func() *lp.Polytope { return lptest.CappedPortfolio(b, 0.2) }, false, true},
		{"portfolio/limits", func() *lp.Polytope { return lptest.CappedPortfolio(b, 0.2) }, true, false},
		{"n=20/m=5", func() *lp.Polytope { return lptest.CappedSimplex(b, 20, 5) }, false, false},
		{"n=20/m=10", func() *lp.Polytope { return lptest.CappedSimplex(b, 20, 10) }, false, false},
		{"n=50/m=5", func() *lp.Polytope { return lptest.CappedSimplex(b, 50, 5) }, false, false},
		{"n=50/m=10", func() *lp.Polytope { return lptest.CappedSimplex(b, 50, 10) }, false, false},
	} {
		for _, method := range []string{"clp", "lazy"} {
			b.Run(fmt.Sprintf("%s/%s", c.name, method), func(b *testing.B) {
				s, err := New(c.p(), Config{Method: method, Workers: 1})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				benchmarkChains(b, s, c.limits, c.endpoints)
				if l, ok := unscaled(s).(*warm.Solver); ok {
					t := l.Stats().Total()
					b.ReportMetric(t.HitRate(), "hits/endpoint")
					b.ReportMetric(float64(t.Bases), "bases")
					b.ReportMetric(float64(t.Left), "left")
					b.ReportMetric(float64(t.Exact), "exact")
				}
			})
		}
	}
}

// benchmarkChains completes b.N random chains, 64 at a time; with limits of their
// own, b and caps are up to a fifth wider than the polytope's.
func benchmarkChains(b *testing.B, s lp.Solver, moved, atEndpoints bool) {
	const rows = 64
	r := rand.New(rng.New(1, "chains"))
	x := make([]float64, 1<<14)
	for i := range x {
		x[i] = r.Float64()
		if atEndpoints {
			x[i] = math.Round(x[i])
		}
	}
	var limits []lp.Limits
	for range 256 * rows {
		if !moved {
			break
		}
		var l lp.Limits
		for _, v := range s.Polytope().Form().B {
			l.B = append(l.B, v+0.2*r.Float64()*math.Abs(v))
		}
		for _, v := range s.Polytope().Form().U {
			l.Upper = append(l.Upper, v*(1+0.2*r.Float64()))
		}
		limits = append(limits, l)
	}
	lo, hi, a := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	c := s.Chain(rows)
	at, done := 0, 0
	b.ReportAllocs()
	start := lptest.CPUSeconds(b)
	b.ResetTimer()
	for done < b.N {
		if moved {
			c.Begin(rows, limits[done%len(limits):][:rows])
		} else {
			c.Begin(rows, nil)
		}
		for range s.Polytope().Dim() {
			if err := c.Next(lo, hi); err != nil {
				b.Fatal(err)
			}
			for i := range a {
				a[i] = lo[i] + (hi[i]-lo[i])*x[(at*7919)&(1<<14-1)]
				at++
			}
			c.Fix(a)
		}
		done += rows
	}
	b.ReportMetric(float64(done)/b.Elapsed().Seconds(), "chains/s")
	b.ReportMetric(float64(done)/(lptest.CPUSeconds(b)-start), "chains/cpu-s")
}
