package uniform

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"paspo/internal/long"
	"paspo/internal/reference"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/internal/lptest"
)

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

// Few draws are counts, no rate.
func TestReport(t *testing.T) {
	r := Report{Method: Rejection, Proposal: "the simplex", Acceptance: 1. / 9, Proposals: 27}
	if got := r.String(); got != "rejection from the simplex, 3 of 27 proposals accepted" {
		t.Error(got)
	}
}

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
			p := lptest.Preset(t, preset, 0)
			const n = 20_000
			points, report := draw(t, p, DefaultConfig(), n, 11)
			if report.Method != Rejection {
				t.Errorf("method %s, want rejection: its acceptance is fair", report.Method)
			}
			dim := p.Dim()
			for i := range dim {
				xi := coordinate(points, dim, i)
				mean, _ := moments(xi)
				// The reference is a sample too, with an error of its own.
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

// The two methods agree on the presets: means, variances, marginals.
func TestHitAndRunAgainstRejection(t *testing.T) {
	long.Test(t)
	for preset := range presetFiles {
		t.Run(preset, func(t *testing.T) {
			p := lptest.Preset(t, preset, 0)
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
	p := lptest.Preset(t, "unconstrained", dim)
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

func TestSampleIsAFunctionOfTheStream(t *testing.T) {
	p := lptest.Preset(t, "compute", 0)
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
	if _, err := New(lptest.Preset(t, "compute", 0), cfg); err == nil || !strings.Contains(err.Error(), "converge") {
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

// TestExcludedEntity samples where an entity can only be 0, whatever the total is.
func TestExcludedEntity(t *testing.T) {
	for _, total := range []float64{1e-9, 1, 1e9} {
		p, err := lp.New(lp.Description{Entities: lptest.Names(5), Total: total, Upper: []float64{0, total, total, total, total}})
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
	stated := lp.Description{Entities: lptest.Names(4), Total: 1, Upper: []float64{0.5, 1, 1, 0.25}}
	all := []lp.Description{stated}
	for _, unit := range []float64{1, 1e12, 1e-12} {
		d := lp.Description{Entities: lptest.Names(4), Total: math.NaN()}
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
		p := lptest.New(t, d)
		got, err := FeasibleShare(t.Context(), p, 20_000, rng.New(1, "share"))
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
