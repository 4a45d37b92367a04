package uniform

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/lptest"
)

func BenchmarkSample(b *testing.B) {
	for _, c := range []struct {
		name string
		p    *lp.Polytope
	}{
		{"synthetic", lptest.Preset(b, "synthetic", 0)}, {"compute", lptest.Preset(b, "compute", 0)},
		{"portfolio", lptest.Preset(b, "portfolio", 0)}, {"thin30", thin30(b)},
	} {
		for _, m := range []string{Rejection, HitAndRun} {
			if c.name == "thin30" && m == Rejection {
				continue
			}
			b.Run(c.name+"/"+m, func(b *testing.B) {
				s, err := New(c.p, method(m))
				if err != nil {
					b.Fatal(err)
				}
				for i := 0; b.Loop(); i++ {
					if _, _, err := s.Sample(10_000, rng.New(uint64(i))); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10_000, "ns/point")
			})
		}
	}
}

// cutSimplex is a simplex cut by m rows close to its center, with caps of about limit
// on all entities where limit > 0.
func cutSimplex(t testing.TB, r *rand.Rand, n, m int, limit float64) *lp.Polytope {
	d := lp.Description{Entities: lptest.Names(n), Total: 1}
	if limit > 0 {
		d.Upper = make([]float64, n)
		for j := range d.Upper {
			d.Upper[j] = limit * (0.8 + 0.4*r.Float64())
		}
	}
	for k := range m {
		row := lp.Row{Name: fmt.Sprint("row ", k), Coef: make([]float64, n), Min: math.Inf(-1), Max: 0.02}
		for j := range row.Coef {
			row.Coef[j] = math.Round(100*r.Float64()) / 100
			row.Max += row.Coef[j] / float64(n)
		}
		d.Rows = append(d.Rows, row)
	}
	return lptest.New(t, d)
}

func BenchmarkNew(b *testing.B) {
	for _, n := range []int{20, 50, 100} {
		for _, m := range []int{5, 20} {
			b.Run(fmt.Sprintf("n=%d/m=%d", n, m), func(b *testing.B) {
				p := cutSimplex(b, rand.New(rng.New(uint64(n*100+m), "capped")), n, m, 4/float64(n))
				for b.Loop() {
					if _, err := New(p, method(HitAndRun)); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
