package uniform

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"paspo/internal/long"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/hulltest"
	"paspo/lp/internal/lptest"
)

// bothForms returns the hull of points without facets and with them.
func bothForms(t testing.TB, points [][]float64, total float64) (bare, rows *lp.Polytope) {
	t.Helper()
	d := lp.Description{Name: "hull", Entities: lptest.Names(len(points[0])), Total: total, Points: points}
	rows = lptest.New(t, d)
	d.FacetEffort = lp.NoFacets
	bare = lptest.New(t, d)
	if !bare.HullOnly() || rows.HullOnly() {
		t.Fatal("the facets are not found, or are found without a search")
	}
	return bare, rows
}

// Both forms cover the same share.
func TestHullShare(t *testing.T) {
	bare, rows := bothForms(t, lptest.Preset(t, "synthetic", 0).Points(), 1)
	a, err := FeasibleShare(t.Context(), bare, 20_000, rng.New(1, "share"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := FeasibleShare(t.Context(), rows, 20_000, rng.New(1, "share"))
	if err != nil || a != b {
		t.Errorf("share %v, by rows %v, %v", a, b, err)
	}
}

// Both methods draw from a hull without facets as hit-and-run draws from its rows:
// means, variances, covariances with the next entity, marginals.
func TestHullSamples(t *testing.T) {
	long.Test(t)
	p := lptest.Preset(t, "synthetic", 0)
	bare, rows := bothForms(t, p.Points(), 1)
	const n = 12_000
	a, ra := draw(t, rows, method(HitAndRun), n, 1)
	for _, m := range []string{HitAndRun, Rejection} {
		b, rb := draw(t, bare, method(m), n, 2)
		if rb.Method != m {
			t.Fatalf("drawn by %s", rb.Method)
		}
		ess := ra.ESS
		other := float64(n)
		if m == HitAndRun {
			other = rb.ESS
			if rb.ESS < n/4 {
				t.Errorf("effective sample size %g of %d points", rb.ESS, n)
			}
		}
		dim := p.Dim()
		for j := range dim {
			xa, xb := coordinate(a, dim, j), coordinate(b, dim, j)
			next := (j + 1) % dim
			ya, yb := coordinate(a, dim, next), coordinate(b, dim, next)
			for what, pair := range map[string][2][]float64{
				"entity": {xa, xb}, "square": {product(xa, xa), product(xb, xb)}, "product with the next": {product(xa, ya), product(xb, yb)},
			} {
				ma, va := moments(pair[0])
				mb, vb := moments(pair[1])
				if se := math.Sqrt(va/ess + vb/other); math.Abs(ma-mb) > 4.5*se {
					t.Errorf("%s, entity %d, %s: means %.6f and %.6f differ by %.1f standard errors", m, j, what, ma, mb, math.Abs(ma-mb)/se)
				}
			}
			if ks, most := twoSampleKS(xa, xb), 2.23*math.Sqrt(1/ess+1/other); ks > most {
				t.Errorf("%s, entity %d: KS distance %.4f, %.4f allowed", m, j, ks, most)
			}
		}
	}
}

// product returns x y, centered.
func product(x, y []float64) []float64 {
	mx, _ := moments(x)
	my, _ := moments(y)
	p := make([]float64, len(x))
	for i := range p {
		p[i] = (x[i] - mx) * (y[i] - my)
	}
	return p
}

// Small hulls, where many points lie on a facet or the hull is thin, have the
// moments of their rows.
func TestHullSamplesShapes(t *testing.T) {
	long.Test(t)
	cube := [][]float64{}
	for k := range 16 {
		cube = append(cube, []float64{float64(k & 1), float64(k >> 1 & 1), float64(k >> 2 & 1), float64(k >> 3)})
	}
	thin := [][]float64{}
	for k, v := range cube {
		thin = append(thin, []float64{v[0] - v[1], v[1] + 1e-7*v[2], v[0] + 1e3*v[3] + float64(k%3)})
	}
	for name, points := range map[string][][]float64{
		"cube": cube, "thin": thin, "segment": {{0, 1}, {3, -2}, {1, 0}},
		"simplex": {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			bare, rows := bothForms(t, points, math.NaN())
			const n = 8000
			a, ra := draw(t, rows, method(HitAndRun), n, 1)
			b, rb := draw(t, bare, method(HitAndRun), n, 2)
			if ra.Dim != rb.Dim {
				t.Fatalf("%d dimensions, by rows %d", rb.Dim, ra.Dim)
			}
			for j := range bare.Dim() {
				xa, xb := coordinate(a, bare.Dim(), j), coordinate(b, bare.Dim(), j)
				if ks, most := twoSampleKS(xa, xb), 2.23*math.Sqrt(1/min(ra.ESS, n)+1/min(rb.ESS, n)); ks > most {
					t.Errorf("entity %d: KS distance %.4f, %.4f allowed", j, ks, most)
				}
			}
		})
	}
}

// Points are a function of the stream alone.
func TestHullSamplesRepeat(t *testing.T) {
	p, _ := bothForms(t, lptest.Preset(t, "synthetic", 0).Points(), 1)
	for _, m := range []string{HitAndRun, Rejection} {
		var first []float64
		for _, workers := range []int{1, 3} {
			cfg := method(m)
			cfg.Workers = workers
			cfg.MinESS, cfg.MaxRHat = 100, 1.1
			s, err := New(p, cfg)
			if err != nil {
				t.Fatal(err)
			}
			points, _, err := s.Sample(1100, rng.New(5, "repeat"))
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = points
			} else if !slices.Equal(first, points) {
				t.Errorf("%s: points depend on the number of workers", m)
			}
		}
	}
}

func BenchmarkHullSample(b *testing.B) {
	r := rand.New(rng.New(1, "points"))
	d := lp.Description{Entities: lptest.Names(10), Total: math.NaN(), FacetEffort: lp.NoFacets}
	for range 60 {
		d.Points = append(d.Points, hulltest.Unit(r, 10))
	}
	p := lptest.New(b, d)
	for _, m := range []string{HitAndRun, Rejection} {
		b.Run(m, func(b *testing.B) {
			s, err := New(p, method(m))
			if err != nil {
				b.Fatal(err)
			}
			const n = 1000
			for b.Loop() {
				if _, _, err := s.Sample(n, rng.New(1, "bench")); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/n, "us/point")
		})
	}
}
