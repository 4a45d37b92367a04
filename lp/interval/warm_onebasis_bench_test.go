package interval_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"paspo/internal/rng"
	"paspo/internal/stress"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/lp/internal/lptest"
	"paspo/lp/interval"
	"paspo/lp/interval/warm"
)

// BenchmarkOneBasis keeps one basis an endpoint, so that most endpoints are searched for by the
// dual simplex, and reports its chains a second of processor time beside those of CLP.
// Entities take any share of their intervals, on polytopes without caps the shares that
// make actions on the simplex uniform: there the first would use up the total.
func BenchmarkOneBasis(b *testing.B) {
	preset := func(name string) *lp.Polytope {
		p, err := constraints.Preset(name, 0)
		if err != nil {
			b.Fatal(err)
		}
		return p
	}
	scaled := func(n, m int) *lp.Polytope {
		p, err := stress.Scaled(n, m, false, 1)
		if err != nil {
			b.Fatal(err)
		}
		return p
	}
	for _, c := range []struct {
		name    string
		p       *lp.Polytope
		uniform bool
	}{
		{"portfolio", preset("portfolio"), false},
		{"compute", preset("compute"), false},
		{"synthetic", preset("synthetic"), false},
		{"portfolio/caps", lptest.CappedPortfolio(b, 0.2), false},
		{"n=20/m=10/caps", lptest.CappedSimplex(b, 20, 10), false},
		{"n=50/m=10/caps", lptest.CappedSimplex(b, 50, 10), false},
		{"n=50/m=20", scaled(50, 20), true},
		{"n=100/m=20", scaled(100, 20), true},
		{"n=200/m=20", scaled(200, 20), true},
	} {
		b.Run(c.name, func(b *testing.B) {
			lazy, clp, hits := 0., 0., 0.
			for range b.N {
				rate, s := chainRate(b, c.p, "lazy", c.uniform)
				lazy += rate
				hits = s.HitRate()
				rate, _ = chainRate(b, c.p, "clp", c.uniform)
				clp += rate
			}
			b.ReportMetric(lazy/float64(b.N), "chains/cpu-s")
			b.ReportMetric(clp/float64(b.N), "CLP-chains/cpu-s")
			b.ReportMetric(lazy/clp, "ratio")
			b.ReportMetric(hits, "hits/endpoint")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// chainRate completes random actions for half a second.
func chainRate(b *testing.B, p *lp.Polytope, method string, uniform bool) (perSecond float64, t warm.Stats) {
	s, err := interval.New(p, interval.Config{Method: method, MaxBases: 1, Workers: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	const rows = 16
	n := p.Dim()
	r := rand.New(rng.New(1, "one basis"))
	lo, hi, a := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	c := s.Chain(rows)
	begun, start, done := time.Now(), lptest.CPUSeconds(b), 0
	for time.Since(begun) < 500*time.Millisecond {
		c.Begin(rows, nil)
		for i := range n {
			if err := c.Next(lo, hi); err != nil {
				b.Fatal(err)
			}
			for x := range a {
				share := r.Float64()
				if uniform {
					share = 1 - math.Pow(share, 1/max(1, float64(n-1-i)))
				}
				a[x] = lo[x] + (hi[x]-lo[x])*share
			}
			c.Fix(a)
		}
		done += rows
	}
	perSecond = float64(done) / (lptest.CPUSeconds(b) - start)
	if k, ok := interval.WarmStarts(s); ok {
		t = k
	}
	return perSecond, t
}
