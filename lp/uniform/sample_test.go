package uniform

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"paspo/internal/long"
	"paspo/internal/reference"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/lp/internal/vec"
)

func samplePreset(t testing.TB, name string, entities int) *lp.Polytope {
	t.Helper()
	if name == "unconstrained" {
		return sampleNew(t, lp.Description{Entities: names(entities), Total: 1})
	}
	p, err := constraints.Preset(name, entities)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func sampleNew(t testing.TB, d lp.Description) *lp.Polytope {
	t.Helper()
	p, err := lp.New(d)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func names(n int) []string {
	s := make([]string, n)
	for i := range s {
		s[i] = fmt.Sprintf("E%d", i)
	}
	return s
}

func method(m string) Config {
	cfg := DefaultConfig()
	cfg.Method = m
	return cfg
}

func draw(t testing.TB, p *lp.Polytope, cfg Config, n int, seed uint64) ([]float64, Report) {
	t.Helper()
	s, err := New(p, cfg)
	if err != nil {
		t.Fatal(err)
	}
	points, report, err := s.Sample(n, rng.New(seed, "test"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if r := p.Residual(points[i*p.Dim():(i+1)*p.Dim()], nil); !(r <= 1e-9) {
			t.Fatalf("point %d has residual %g", i, r)
		}
	}
	return points, report
}

func coordinate(points []float64, dim, j int) []float64 {
	x := make([]float64, len(points)/dim)
	for i := range x {
		x[i] = points[i*dim+j]
	}
	return x
}

func moments(x []float64) (mean, variance float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean) / float64(len(x)-1)
	}
	return mean, variance
}

var presetFiles = map[string]string{"synthetic": "synth7", "compute": "compute9", "portfolio": "portfolio13"}

func TestSampleMomentsAgainstReference(t *testing.T) {
	long.Test(t)
	for _, preset := range []string{"synthetic", "compute"} {
		t.Run(preset, func(t *testing.T) {
			var ref struct {
				Mean   []float64   `json:"sample_mean"`
				SE     []float64   `json:"sample_mean_se"`
				Cov    [][]float64 `json:"sample_cov"`
				Points float64     `json:"n_samples"`
			}
			reference.Read(t, "uniform_fit_"+presetFiles[preset]+".json", &ref)
			p := samplePreset(t, preset, 0)
			const n = 20_000
			points, report := draw(t, p, DefaultConfig(), n, 11)
			if report.Method != Rejection {
				t.Errorf("method %s, want rejection: its acceptance is fair", report.Method)
			}
			dim := p.Dim()
			for i := range dim {
				xi := coordinate(points, dim, i)
				mean, _ := moments(xi)
				// The reference is a sample, too.
				se := ref.SE[i] * math.Sqrt(1+ref.Points/n)
				if math.Abs(mean-ref.Mean[i]) > 4*se {
					t.Errorf("entity %d: mean %.6f, reference %.6f +- %.2g", i, mean, ref.Mean[i], se)
				}
				for j := range i + 1 {
					xj := coordinate(points, dim, j)
					mj, _ := moments(xj)
					prod := make([]float64, n)
					for k := range prod {
						prod[k] = (xi[k] - mean) * (xj[k] - mj)
					}
					cov, v := moments(prod)
					se := math.Sqrt(v / n * (1 + n/ref.Points))
					if math.Abs(cov-ref.Cov[i][j]) > 4.5*se {
						t.Errorf("entities %d, %d: covariance %.3g, reference %.3g +- %.2g", i, j, cov, ref.Cov[i][j], se)
					}
				}
			}
		})
	}
}

func TestFeasibleShareAgainstReference(t *testing.T) {
	for preset, file := range presetFiles {
		t.Run(preset, func(t *testing.T) {
			var ref struct {
				Acceptance struct{ Rate, SE float64 } `json:"acceptance"`
			}
			reference.Read(t, "polytope_"+file+".json", &ref)
			s, err := FeasibleShare(samplePreset(t, preset, 0), 200_000, rng.New(5, "share"))
			if err != nil {
				t.Fatal(err)
			}
			t.Log(s)
			if se := math.Hypot(s.StdErr, ref.Acceptance.SE); math.Abs(s.Estimate-ref.Acceptance.Rate) > 4*se {
				t.Errorf("share %v, reference %.5f", s, ref.Acceptance.Rate)
			}
			if s.Of != "the simplex" {
				t.Errorf("share of %q", s.Of)
			}
		})
	}
}

// The two methods agree on the presets: means, variances, marginals.
func TestHitAndRunAgainstRejection(t *testing.T) {
	long.Test(t)
	for preset := range presetFiles {
		t.Run(preset, func(t *testing.T) {
			p := samplePreset(t, preset, 0)
			const n = 10_000
			a, _ := draw(t, p, method(Rejection), n, 1)
			b, report := draw(t, p, method(HitAndRun), n, 2)
			t.Log(report)
			if report.ESS < n/4 {
				t.Errorf("effective sample size %g of %d points", report.ESS, n)
			}
			dim := p.Dim()
			for j := range dim {
				xa, xb := coordinate(a, dim, j), coordinate(b, dim, j)
				ess := report.ESS // of the worst coordinate
				ma, va := moments(xa)
				mb, vb := moments(xb)
				if se := math.Sqrt(va/n + vb/ess); math.Abs(ma-mb) > 4*se {
					t.Errorf("entity %d: means %.6f and %.6f differ by %.1f standard errors", j, ma, mb, math.Abs(ma-mb)/se)
				}
				// Two-sample KS at 1e-4, which for 29 marginals of three presets
				// errs once in 300.
				if ks, most := twoSampleKS(xa, xb), 2.23*math.Sqrt(1/float64(n)+1/ess); ks > most {
					t.Errorf("entity %d: KS distance %.4f, %.4f allowed", j, ks, most)
				}
			}
		})
	}
}

func twoSampleKS(a, b []float64) float64 {
	slices.Sort(a)
	slices.Sort(b)
	ks, j := 0., 0
	for i, x := range a {
		for j < len(b) && b[j] <= x {
			j++
		}
		ks = max(ks, math.Abs(float64(i+1)/float64(len(a))-float64(j)/float64(len(b))))
	}
	return ks
}

// Points on the plain simplex are Dirichlet(1): each share has density
// (n-1)(1-x)^(n-2).
func TestHitAndRunSimplexMarginals(t *testing.T) {
	long.Test(t)
	const dim, n = 12, 40_000
	p := samplePreset(t, "unconstrained", dim)
	points, report := draw(t, p, method(HitAndRun), n, 3)
	t.Log(report)
	for j := range dim {
		x := coordinate(points, dim, j)
		slices.Sort(x)
		ks := 0.
		for i, v := range x {
			ks = max(ks, math.Abs(1-math.Pow(1-v, dim-1)-(float64(i)+0.5)/n))
		}
		if most := 2.23 / math.Sqrt(report.ESS); ks > most {
			t.Errorf("share %d: KS distance %.4f, %.4f allowed", j, ks, most)
		}
	}
}

// thin30 has 30 entities: a unit budget, every share within 1e-4 of 1/30 and a
// row that is nearly an equality. Its share of the simplex is below 1e-80.
func thin30(t testing.TB) *lp.Polytope {
	n := 30
	lower, upper, coef := make([]float64, n), make([]float64, n), make([]float64, n)
	for j := range n {
		lower[j], upper[j] = 1./30-1e-4, 1./30+1e-4
		coef[j] = math.Sin(float64(j))
	}
	mid := 0.
	for _, c := range coef {
		mid += c / 30
	}
	return sampleNew(t, lp.Description{
		Name: "thin", Entities: names(n), Total: 1, Lower: lower, Upper: upper,
		Rows: []lp.Row{{Name: "nearly an equality", Coef: coef, Min: mid - 1e-7, Max: mid + 1e-7}},
	})
}

func TestSampleThin(t *testing.T) {
	p := thin30(t)
	points, report := draw(t, p, DefaultConfig(), 4000, 1)
	t.Log(report)
	if report.Method != HitAndRun || report.Dim != 29 {
		t.Fatalf("drawn by %s in %d dimensions", report.Method, report.Dim)
	}
	if !(report.RHat <= 1.01 && report.ESS >= 400) {
		t.Errorf("R-hat %g, effective sample size %g", report.RHat, report.ESS)
	}
	// Truth by symmetry: the polytope is its own mirror image at the center.
	for j := range 30 {
		mean, v := moments(coordinate(points, 30, j))
		if se := math.Sqrt(v / 1000); math.Abs(mean-1./30) > 4*se {
			t.Errorf("share %d: mean off by %.2g, standard error %.2g", j, mean-1./30, se)
		}
	}
	row, _, _ := p.Inequalities()
	x := make([]float64, 4000)
	mid := 0.
	for j := range 30 {
		mid += row[j] / 30
	}
	for i := range x {
		x[i] = vec.Dot(row[:30], points[i*30:(i+1)*30]) - mid
	}
	// The slab is so thin that the row is uniform across it.
	if _, v := moments(x); math.Abs(math.Sqrt(v)/(1e-7/math.Sqrt(3))-1) > 0.05 {
		t.Errorf("standard deviation across the slab %g, want %g", math.Sqrt(v), 1e-7/math.Sqrt(3))
	}

	share, err := FeasibleShare(p, 20_000, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	if share.Accepted != 0 || !strings.HasPrefix(share.String(), "below 0.00015") {
		t.Errorf("feasible share: %v", share)
	}
}

// A simplex with vertices at distances from 1e-5 to 1e-2 of a point, whose share
// of the unit simplex is far below 1e-9. Its points in terms of the vertices
// are Dirichlet(1), which is the truth to hold to.
func TestSampleThinSimplex(t *testing.T) {
	const n, points = 20, 6000
	r := rand.New(rng.New(4))
	vertices := mat.NewDense(n, n, nil) // a column each
	for k := range n {
		dir := make([]float64, n)
		mean := 0.
		for j := range dir {
			dir[j] = r.NormFloat64()
			mean += dir[j] / n
		}
		for j := range dir {
			vertices.Set(j, k, 1./n+math.Pow(10, -2-3*float64(k)/n)*(dir[j]-mean)/math.Sqrt(n))
		}
	}
	var inverse mat.Dense
	if err := inverse.Inverse(vertices); err != nil {
		t.Fatal(err)
	}
	d := lp.Description{Entities: names(n), Total: 1}
	for k := range n {
		row := lp.Row{Name: fmt.Sprint("facet ", k), Coef: mat.Row(nil, k, &inverse), Min: 0, Max: math.Inf(1)}
		// Rows of a user have no such coefficients.
		l := vec.Norm(row.Coef)
		for j := range row.Coef {
			row.Coef[j] /= l
		}
		d.Rows = append(d.Rows, row)
	}
	p := sampleNew(t, d)
	a, report := draw(t, p, DefaultConfig(), points, 1)
	t.Log(report)
	if report.Method != HitAndRun || report.Dim != n-1 {
		t.Fatalf("drawn by %s in %d dimensions", report.Method, report.Dim)
	}
	var w mat.Dense
	w.Mul(mat.NewDense(points, n, a), inverse.T())
	for k := range n {
		x := mat.Col(nil, k, &w)
		slices.Sort(x)
		ks := 0.
		for i, v := range x {
			ks = max(ks, math.Abs(1-math.Pow(1-v, n-1)-(float64(i)+0.5)/points))
		}
		if most := 2.23 / math.Sqrt(report.ESS); ks > most {
			t.Errorf("share of vertex %d: KS distance %.4f, %.4f allowed", k, ks, most)
		}
	}
}

func TestSampleDegenerate(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	point := sampleNew(t, lp.Description{Entities: names(3), Total: 1, Lower: []float64{0.2, 0.3, 0.5}, Upper: []float64{0.9, 0.9, 0.9}})
	points, report := draw(t, point, DefaultConfig(), 3, 1)
	if report.Method != Point || report.Dim != 0 {
		t.Errorf("a point: drawn by %s in %d dimensions", report.Method, report.Dim)
	}
	for i, v := range points {
		if want := []float64{0.2, 0.3, 0.5}[i%3]; math.Abs(v-want) > 1e-9 {
			t.Errorf("got %g, want %g", v, want)
		}
	}

	// a0 + a1 <= 0.3 and a2 + a3 <= 0.7 of a total of 1 are equalities; the rest
	// is a product of two uniform distributions.
	implied := sampleNew(t, lp.Description{Entities: names(4), Total: 1, Rows: []lp.Row{
		{Name: "x", Coef: []float64{1, 1, 0, 0}, Min: -inf, Max: 0.3},
		{Name: "y", Coef: []float64{0, 0, 1, 1}, Min: -inf, Max: 0.7},
	}})
	const n = 20_000
	points, report = draw(t, implied, DefaultConfig(), n, 1)
	if report.Method != HitAndRun || report.Dim != 2 {
		t.Errorf("implied equalities: drawn by %s in %d dimensions", report.Method, report.Dim)
	}
	for j, width := range []float64{0.3, 0.3, 0.7, 0.7} {
		x := coordinate(points, 4, j)
		slices.Sort(x)
		for i, v := range x {
			if math.Abs(v/width-float64(i)/n) > 2.23/math.Sqrt(report.ESS) {
				t.Errorf("entity %d is not uniform on [0, %g]", j, width)
				break
			}
		}
	}
	if s, err := FeasibleShare(implied, 100, rng.New(1)); err != nil || !s.Flat || s.Estimate != 0 {
		t.Errorf("feasible share of a flat polytope: %v, %v", s, err)
	}
	if _, err := New(implied, method(Rejection)); err == nil {
		t.Error("rejection from a flat polytope: want an error")
	}

	// Two equalities, a total of a million, negative lower bounds.
	large := sampleNew(t, lp.Description{
		Entities: names(4), Total: 1e6, Lower: []float64{-1e5, 0, 0, 0}, Upper: []float64{inf, inf, 4e5, inf},
		Rows: []lp.Row{{Name: "balance", Coef: []float64{1, -1, 0, 0}, Min: 0, Max: 0}},
	})
	points, report = draw(t, large, DefaultConfig(), n, 1)
	if report.Method != HitAndRun || report.Dim != 2 {
		t.Errorf("two equalities: drawn by %s in %d dimensions", report.Method, report.Dim)
	}
	// a0 = a1 = s/2 >= 0, a2 + a3 = 1e6 - s, a2 <= 4e5: in (s, a2) a trapezoid.
	_, area := 0., 0.
	mean := 0.
	const steps = 100_000
	for i := range steps {
		s := (float64(i) + 0.5) / steps * 1e6
		height := min(4e5, 1e6-s)
		area += height
		mean += height * s / 2
	}
	mean /= area
	if m, v := moments(coordinate(points, 4, 0)); math.Abs(m-mean) > 4*math.Sqrt(v/report.ESS) {
		t.Errorf("mean of the first entity %g, want %g", m, mean)
	}

	// No budget: a box with one corner cut off, by rejection from the box.
	box := sampleNew(t, lp.Description{
		Entities: names(2), Total: nan, Lower: []float64{-1, 2}, Upper: []float64{1, 4},
		Rows: []lp.Row{{Name: "cut", Coef: []float64{1, 1}, Min: -inf, Max: 3}},
	})
	points, report = draw(t, box, DefaultConfig(), n, 1)
	if report.Method != Rejection || report.Proposal != "the bounding box" {
		t.Errorf("box: %v", report)
	}
	if math.Abs(report.Acceptance-0.5) > 0.02 {
		t.Errorf("acceptance %g, want 0.5", report.Acceptance)
	}
	if m, _ := moments(coordinate(points, 2, 0)); math.Abs(m-(-1./3)) > 0.02 {
		t.Errorf("mean of a triangle %g, want -1/3", m)
	}
	segment := sampleNew(t, lp.Description{Entities: names(1), Total: nan, Lower: []float64{3}, Upper: []float64{5}})
	if _, report = draw(t, segment, method(HitAndRun), 100, 1); report.Dim != 1 {
		t.Errorf("a segment in %d dimensions", report.Dim)
	}
}

// Where the plain simplex accepts too little but a tighter one enough, rejection
// remains.
func TestSampleTightSimplex(t *testing.T) {
	p := sampleNew(t, lp.Description{Entities: names(6), Total: 1, Lower: []float64{0.16, 0.16, 0.16, 0.16, 0.16, 0.16}})
	points, report := draw(t, p, DefaultConfig(), 5000, 1)
	if report.Method != Rejection || report.Acceptance < 0.99 {
		t.Errorf("%v", report)
	}
	if m, v := moments(coordinate(points, 6, 5)); math.Abs(m-1./6) > 4*math.Sqrt(v/5000) {
		t.Errorf("mean %g, want 1/6", m)
	}
}

func TestSampleIsAFunctionOfTheStream(t *testing.T) {
	p := samplePreset(t, "compute", 0)
	for _, m := range []string{Rejection, HitAndRun} {
		cfg := method(m)
		var first []float64
		for _, workers := range []int{1, 2, 7} {
			cfg.Workers = workers
			points, _ := draw(t, p, cfg, 3000, 8)
			if first == nil {
				first = points
			}
			if !slices.Equal(first, points) {
				t.Errorf("%s: %d workers draw other points", m, workers)
			}
		}
		points, _ := draw(t, p, cfg, 3000, 9)
		if slices.Equal(first, points) {
			t.Errorf("%s: two streams draw the same points", m)
		}
	}
}

func TestSamplerConfigValidate(t *testing.T) {
	for field, change := range map[string]func(*Config){
		"method":         func(c *Config) { c.Method = "gibbs" },
		"min_acceptance": func(c *Config) { c.MinAcceptance = math.NaN() },
		"chains":         func(c *Config) { c.Chains = 1 },
		"max_rhat":       func(c *Config) { c.MaxRHat = 1 },
		"min_ess":        func(c *Config) { c.MinESS = math.NaN() },
		"max_sweeps":     func(c *Config) { c.MaxSweeps = 0 },
		"workers":        func(c *Config) { c.Workers = -1 },
	} {
		cfg := DefaultConfig()
		change(&cfg)
		if _, err := New(nil, cfg); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: error %v", field, err)
		}
	}
	// A check that cannot pass is an error and not a hang.
	cfg := method(HitAndRun)
	cfg.MaxRHat, cfg.MaxSweeps = 1.0000001, 20_000
	if _, err := New(samplePreset(t, "compute", 0), cfg); err == nil || !strings.Contains(err.Error(), "converge") {
		t.Errorf("error %v", err)
	}
}

// Chains of known autocorrelation, and chains that disagree.
func TestConvergence(t *testing.T) {
	r := rand.New(rng.New(12))
	chains := func(rho, shift float64) [][]float64 {
		out := make([][]float64, 8)
		for c := range out {
			x := r.NormFloat64()
			for range 4000 {
				out[c] = append(out[c], x+shift*float64(c))
				x = rho*x + math.Sqrt(1-rho*rho)*r.NormFloat64()
			}
		}
		return out
	}
	for _, rho := range []float64{0, 0.5, 0.9} {
		rhat, ess := splitRHat(chains(rho, 0))
		want := 32_000 * (1 - rho) / (1 + rho)
		if rhat > 1.01 || math.Abs(ess/want-1) > 0.15 {
			t.Errorf("autocorrelation %g: R-hat %g, effective sample size %g, want %g", rho, rhat, ess, want)
		}
	}
	if rhat, ess := splitRHat(chains(0.5, 0.3)); rhat < 1.1 || ess > 400 {
		t.Errorf("chains apart: R-hat %g, effective sample size %g", rhat, ess)
	}
	if rhat, ess := splitRHat([][]float64{make([]float64, 100), make([]float64, 100)}); rhat != 1 || !math.IsInf(ess, 1) {
		t.Errorf("constant chains: R-hat %g, effective sample size %g", rhat, ess)
	}
}

func BenchmarkSample(b *testing.B) {
	for _, c := range []struct {
		name string
		p    *lp.Polytope
	}{
		{"synthetic", samplePreset(b, "synthetic", 0)}, {"compute", samplePreset(b, "compute", 0)},
		{"portfolio", samplePreset(b, "portfolio", 0)}, {"thin30", thin30(b)},
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
	d := lp.Description{Entities: names(n), Total: 1}
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
	return sampleNew(t, d)
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

// A row of small coefficients leaves the share that it leaves in any units.
func TestShareOfSmallRows(t *testing.T) {
	for _, size := range []float64{1e-14, 1e-12, 1, 1e14, 1e-30} {
		p := sampleNew(t, lp.Description{Entities: names(3), Total: 1, Rows: []lp.Row{{
			Name: "cap", Coef: []float64{size, size / 2, size / 2}, Min: math.Inf(-1), Max: 0.6 * size, // a_1 <= 0.2
		}}})
		s, err := FeasibleShare(p, 100_000, rng.New(1, "share"))
		if err != nil || math.Abs(s.Estimate-0.36) > 0.01 {
			t.Errorf("size %g: share %v, %v", size, s, err)
		}
	}
}

// TestExcludedEntity samples where an entity can only be 0, whatever the total is.
func TestExcludedEntity(t *testing.T) {
	for _, total := range []float64{1e-9, 1, 1e9} {
		p, err := lp.New(lp.Description{Entities: names(5), Total: total, Upper: []float64{0, total, total, total, total}})
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(p, DefaultConfig())
		if err != nil {
			t.Fatal(err)
		}
		points, _, err := s.Sample(100, rng.New(1, "excluded"))
		if err != nil {
			t.Errorf("total %g: %v", total, err)
		}
		for _, a := range coordinate(points, 5, 0) {
			if a != 0 {
				t.Fatalf("total %g: %g of an entity that can have 0 alone", total, a)
			}
		}
	}
}

// A total that two rows state together is one: the share and the points are those of the total.
func TestTotalAsPairOfRows(t *testing.T) {
	stated := lp.Description{Entities: names(4), Total: 1, Upper: []float64{0.5, 1, 1, 0.25}}
	all := []lp.Description{stated}
	for _, unit := range []float64{1, 1e12, 1e-12} {
		d := lp.Description{Entities: names(4), Total: math.NaN()}
		for _, u := range stated.Upper {
			d.Upper = append(d.Upper, u*unit)
		}
		d.Rows = []lp.Row{
			{Name: "at least", Coef: slices.Repeat([]float64{1e-14}, 4), Min: 1e-14 * unit, Max: math.Inf(1)},
			{Name: "at most", Coef: slices.Repeat([]float64{3}, 4), Min: math.Inf(-1), Max: 3 * unit},
		}
		all = append(all, d)
	}
	var want Share
	var points []float64
	for k, d := range all {
		p := sampleNew(t, d)
		got, err := FeasibleShare(p, 20_000, rng.New(1, "share"))
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(p, DefaultConfig())
		if err != nil {
			t.Fatal(err)
		}
		x, _, err := s.Sample(5, rng.New(1, "points"))
		if err != nil {
			t.Fatal(err)
		}
		if k == 0 {
			want, points = got, x
			continue
		}
		if got.Of != want.Of || got.Flat || math.Abs(got.Estimate-want.Estimate) > 1e-4 {
			t.Errorf("form %d: share %v, not %v", k, got, want)
		}
		unit := d.Rows[1].Max / 3
		for i, v := range x {
			if math.Abs(v/unit-points[i]) > 1e-9 {
				t.Errorf("form %d: number %d of the points is %v, not %v", k, i, v/unit, points[i])
			}
		}
	}
}

// Where no rows state a total, a share is one of the bounding box.
func TestShareWithoutTotal(t *testing.T) {
	triangle := lp.Description{
		Entities: names(2), Total: math.NaN(), Upper: []float64{1, 1},
		Rows: []lp.Row{{Name: "half", Coef: []float64{1, 1}, Min: math.Inf(-1), Max: 1}},
	}
	share, err := FeasibleShare(sampleNew(t, triangle), 20_000, rng.New(1, "share"))
	if err != nil || share.Flat || share.Of != "the bounding box" || math.Abs(share.Estimate-0.5) > 0.02 {
		t.Errorf("share %+v, %v: want half of the bounding box", share, err)
	}
	triangle.Rows = nil
	share, err = FeasibleShare(sampleNew(t, triangle), 20_000, rng.New(1, "share"))
	if err != nil || share.Of != "the bounding box" || share.Estimate != 1 {
		t.Errorf("share %+v, %v: want all of the bounding box", share, err)
	}
}
