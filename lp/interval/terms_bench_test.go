package interval

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/lptest"
)

// withTurnover returns a polytope with a limit of how much is bought and sold in all, from
// the middle of what it holds.
func withTurnover(b testing.TB, p *lp.Polytope, most float64) *lp.Polytope {
	d := p.Description()
	x, _, err := p.Minimize(make([]float64, p.Dim()), nil)
	if err != nil {
		b.Fatal(err)
	}
	row := lp.Row{Name: "turnover", Coef: make([]float64, p.Dim()), Min: math.Inf(-1), Max: most}
	for j, h := range x {
		row.Terms = append(row.Terms, lp.Term{Entity: j, Above: 1, Below: 1, From: h, Holding: true})
	}
	d.Rows = append(append([]lp.Row(nil), d.Rows...), row)
	if p, err = lp.New(d); err != nil {
		b.Fatal(err)
	}
	return p
}

// withLeverage returns a polytope with shorts of a fifth and a limit of what is held on both
// sides in all.
func withLeverage(b testing.TB, p *lp.Polytope, most float64) *lp.Polytope {
	d := p.Description()
	row := lp.Row{Name: "leverage", Coef: make([]float64, p.Dim()), Min: math.Inf(-1), Max: most}
	d.Lower = make([]float64, p.Dim())
	for j := range d.Lower {
		if j > 0 {
			d.Lower[j] = -0.2
		}
		row.Terms = append(row.Terms, lp.Term{Entity: j, Above: 1, Below: 1})
	}
	d.Rows = append(append([]lp.Row(nil), d.Rows...), row)
	p, err := lp.New(d)
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// withTarget returns a polytope with a limit of how far the first entities are from a tenth each,
// with one, three places that terms of an entity count from.
func withTarget(b testing.TB, p *lp.Polytope, entities int) *lp.Polytope {
	d := p.Description()
	row := lp.Row{Name: "target", Coef: make([]float64, p.Dim()), Min: math.Inf(-1), Max: 0.3}
	for j := range entities {
		row.Terms = append(row.Terms, lp.Term{Entity: j, Above: 1, Below: 1, From: 0.1})
	}
	d.Rows = append(append([]lp.Row(nil), d.Rows...), row)
	p, err := lp.New(d)
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// BenchmarkTurnover completes actions of an episode whose holdings are the last action, and
// reports actions a second of processor time of columns over those of CLP.
func BenchmarkTurnover(b *testing.B) {
	presets := lptest.Presets(b)
	for _, c := range []struct {
		name string
		p    *lp.Polytope
	}{
		{"portfolio/none", presets[0]},
		{"portfolio", withTurnover(b, presets[0], 0.2)},
		{"portfolio/caps", withTurnover(b, lptest.CappedPortfolio(b, 0.2), 0.2)},
		{"portfolio/leverage", withTurnover(b, withLeverage(b, presets[0], 1.5), 0.2)},
		{"portfolio/leverage/target", withTurnover(b, withTarget(b, withLeverage(b, presets[0], 1.5), 1), 0.2)},
		{"n=20/m=5", withTurnover(b, lptest.CappedSimplex(b, 20, 5), 0.2)},
	} {
		b.Run(c.name, func(b *testing.B) {
			rate := func(method string) (float64, lp.Solver) {
				s, err := New(c.p, Config{Method: method, Workers: 1})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				const rows = 16
				n := c.p.Dim()
				r := rand.New(rng.New(1, "turnover"))
				x, _, _ := c.p.Minimize(make([]float64, n), nil)
				limits := make([]lp.Limits, rows)
				for k := range limits {
					limits[k].Holdings = append([]float64(nil), x...)
				}
				lo, hi, a := make([]float64, rows), make([]float64, rows), make([]float64, rows)
				chain := s.Chain(rows)
				next := make([]float64, rows*n)
				walk := func(each time.Duration) (done int) {
					for begun := time.Now(); time.Since(begun) < each; done += rows {
						chain.Begin(rows, limits)
						for i := range n {
							if err := chain.Next(lo, hi); err != nil {
								b.Fatal(err)
							}
							for k := range a {
								a[k] = lo[k] + (hi[k]-lo[k])*r.Float64()
								next[k*n+i] = a[k]
							}
							chain.Fix(a)
						}
						for k := range limits {
							if c.p.HasTerms() {
								copy(limits[k].Holdings, next[k*n:(k+1)*n])
							}
						}
					}
					return done
				}
				walk(300 * time.Millisecond)
				start := lptest.CPUSeconds(b)
				done := walk(time.Second)
				return float64(done) / (lptest.CPUSeconds(b) - start), s
			}
			fast, slow, auto := 0., 0., 0.
			for range b.N {
				v, s := rate("lazy")
				fast += v
				if t, ok := WarmStarts(s); ok {
					b.ReportMetric(t.HitRate(), "hits/endpoint")
				}
				v, _ = rate("clp")
				slow += v
				v, s = rate("auto")
				auto += v
				b.Log(s.Method())
			}
			b.ReportMetric(fast/float64(b.N), "lazy/cpu-s")
			b.ReportMetric(auto/float64(b.N), "auto/cpu-s")
			b.ReportMetric(slow/float64(b.N), "CLP/cpu-s")
			b.ReportMetric(fast/slow, "ratio")
			b.ReportMetric(0, "ns/op")
		})
	}
}
