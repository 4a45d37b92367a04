package interval

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/lptest"
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
				s := opened(b, c.p(), Config{Method: method, Workers: 1})
				r := rand.New(rng.New(1, "chains"))
				x := shares(r)
				if c.endpoints {
					for i := range x {
						x[i] = math.Round(x[i])
					}
				}
				const rows = 64
				var limits []lp.Limits
				if c.limits {
					limits = widerLimits(s.Polytope(), 256*rows, r)
				}
				benchmarkChains(b, s, rows, limits, x)
				if t, ok := WarmStarts(s); ok {
					b.ReportMetric(t.HitRate(), "hits/endpoint")
					b.ReportMetric(float64(t.Bases), "bases")
					b.ReportMetric(float64(t.HandedOver), "handed-over")
					b.ReportMetric(float64(t.Exact), "exact")
				}
			})
		}
	}
}

// widerLimits draws limits of states, of which b and caps are up to a fifth wider than
// the polytope's.
func widerLimits(p *lp.Polytope, states int, r *rand.Rand) []lp.Limits {
	limits := make([]lp.Limits, states)
	for x := range limits {
		l := &limits[x]
		for _, v := range p.Form().B {
			l.B = append(l.B, v+0.2*r.Float64()*math.Abs(v))
		}
		for _, v := range p.Form().U {
			l.Upper = append(l.Upper, v*(1+0.2*r.Float64()))
		}
	}
	return limits
}
