package debias

import (
	"bytes"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"paspo/internal/checkout"
	"paspo/internal/reference"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/lp/interval"
	"paspo/lp/uniform"
	"paspo/policy"
	"paspo/policy/internal/policytest"
)

// uncached is the configuration of tests: they must not touch the user's cache.
func uncached() Config {
	cfg := DefaultConfig()
	cfg.CacheDir = ""
	return cfg
}

// On the simplex the normalised coordinates are stick-breaking variables:
// x_i ~ Beta(1, n-1-i) exactly.
func TestDebiasSimplex(t *testing.T) {
	const n = 8
	s := policytest.Simplex(t, n)
	cfg := uncached()
	for _, method := range []string{uniform.Rejection, uniform.HitAndRun} {
		cfg.Sampler.Method = method
		cfg.Points = 40_000
		f, err := Fit(s.Of, s, cfg, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Alpha) != n-1 || len(f.Entities) != n-1 || f.Points != cfg.Points || f.Method != method {
			t.Fatalf("%+v", f)
		}
		// At 40 000 points alpha has a standard error of 0.6 to 0.8 %. Points of hit-and-run depend
		// on one another and are worth half as many: 1 %.
		for i := range f.Alpha {
			if want := float64(n - 1 - i); math.Abs(f.Alpha[i]-1) > 0.03 || math.Abs(f.Beta[i]/want-1) > 0.04 {
				t.Errorf("%s: head %d is Beta(%.4f, %.4f), want Beta(1, %g)", method, i, f.Alpha[i], f.Beta[i], want)
			}
		}
		if method == uniform.Rejection && f.Acceptance != 1 {
			t.Errorf("acceptance %g, want 1", f.Acceptance)
		}
		if method == uniform.HitAndRun && !(f.RHat >= 1 && f.RHat <= 1.01 && f.ESS > 10_000) {
			t.Errorf("R-hat %g, effective sample size %g", f.RHat, f.ESS)
		}
	}
}

// Beta(c, c (n-i)) breaks a stick into a symmetric Dirichlet distribution of concentration c, so that
// the mean of every coordinate stays. A fit in the cache is that of 1, whatever the factor.
func TestConcentration(t *testing.T) {
	const n = 8
	s := policytest.Simplex(t, n)
	cfg := uncached()
	cfg.CacheDir, cfg.Points = t.TempDir(), 20_000
	fit := func(c float64) *policy.Fit {
		cfg.Concentration = c
		f, err := Fit(s.Of, s, cfg, 1)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	const c = 0.25
	first, one, again := fit(c), fit(1), fit(c)
	for i := range n - 1 {
		if math.Abs(first.Alpha[i]/c-1) > 0.04 || math.Abs(first.Beta[i]/(c*float64(n-1-i))-1) > 0.05 {
			t.Errorf("head %d is Beta(%.4f, %.4f), want Beta(%g, %g)", i, first.Alpha[i], first.Beta[i], c, c*float64(n-1-i))
		}
		if first.Alpha[i] != c*one.Alpha[i] || first.Beta[i] != c*one.Beta[i] {
			t.Errorf("head %d: the parameters are not those of the uniform start times %g", i, c)
		}
	}
	if !reflect.DeepEqual(first, again) {
		t.Error("a fit from the cache is another")
	}
	for _, wrong := range []float64{0, -1, 1.5, math.NaN()} {
		cfg := uncached()
		cfg.Concentration = wrong
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), "debias.concentration is ") {
			t.Errorf("%g: %v", wrong, err)
		}
	}
	cfg.Around = Baseline
	if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), "debias.concentration is 0.25 and debias.around is baseline: 1 is allowed") {
		t.Errorf("around a baseline: %v", err)
	}
}

// The fits of the paper's polytopes, within 3 %.
func TestDebiasReference(t *testing.T) {
	for preset, file := range map[string]string{"synthetic": "synth7", "compute": "compute9"} {
		t.Run(preset, func(t *testing.T) {
			type params struct{ Alpha, Beta []float64 }
			var ref struct {
				params
				Without params `json:"fits_without_the_vertex_draws"`
			}
			reference.Read(t, "uniform_fit_"+file+".json", &ref)
			want := ref.params
			if ref.Without.Alpha != nil {
				want = ref.Without
			}
			p, err := constraints.Preset(preset, 0)
			if err != nil {
				t.Fatal(err)
			}
			solver, err := interval.New(p, interval.DefaultConfig())
			if err != nil {
				t.Fatal(err)
			}
			defer solver.Close()
			cfg := uncached()
			if solver.Method() != "clp" {
				cfg.Points = 30_000
			}
			f, err := Fit(p, solver, cfg, 1)
			if err != nil {
				t.Fatal(err)
			}
			if len(f.Alpha) != len(want.Alpha) {
				t.Fatalf("%d heads, want %d", len(f.Alpha), len(want.Alpha))
			}
			worst := 0.
			for i := range f.Alpha {
				da, db := f.Alpha[i]/want.Alpha[i]-1, f.Beta[i]/want.Beta[i]-1
				if math.Abs(da) > 0.03 || math.Abs(db) > 0.03 {
					t.Errorf("head %d is Beta(%.4f, %.4f), reference Beta(%.4f, %.4f)", i, f.Alpha[i], f.Beta[i], want.Alpha[i], want.Beta[i])
				}
				worst = max(worst, math.Abs(da), math.Abs(db))
			}
			t.Logf("%d points, intervals by %s, acceptance %.4f: largest deviation %.2f %%", f.Points, solver.Method(), f.Acceptance, 100*worst)
		})
	}
}

func TestDebiasDoesNotDependOnWorkers(t *testing.T) {
	s := policytest.Simplex(t, 5)
	cfg := uncached()
	cfg.Points = 7500
	var first *policy.Fit
	for _, workers := range []int{1, 2, 5} {
		cfg.Sampler.Workers = workers
		f, err := Fit(s.Of, s, cfg, 3)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = f
		}
		if !reflect.DeepEqual(first, f) {
			t.Errorf("%d workers: %+v, one worker %+v", workers, f, first)
		}
	}
	f, err := Fit(s.Of, s, cfg, 4)
	if err != nil {
		t.Fatal(err)
	}
	if reflect.DeepEqual(first, f) {
		t.Error("two seeds give the same fit")
	}
}

// A head whose interval is always fixed starts from Beta(1, 1).
func TestDebiasFixedHead(t *testing.T) {
	s := policytest.Simplex(t, 3)
	cfg := uncached()
	cfg.Points = 2000
	cfg.FixedWidth = 0.99 // of [0, 1] only the first entity's interval is wider
	f, err := Fit(s.Of, s, cfg, 1)
	if err != nil {
		t.Fatal(err)
	}
	if f.Alpha[1] != 1 || f.Beta[1] != 1 || f.Beta[0] == 1 {
		t.Errorf("%+v", f)
	}
}

// A polytope that is too thin to draw points across it is fitted all the same: the interval of the last
// entity, which is not so thin as to be fixed, keeps Beta(1, 1). The coordinate of the first is Beta(1, 1) in truth.
func TestDebiasThin(t *testing.T) {
	p, err := lp.New(lp.Description{
		Name: "thin", Total: math.NaN(), Entities: []string{"a", "b"}, Lower: []float64{-1, -1}, Upper: []float64{1, 1},
		Rows: []lp.Row{{Name: "strip", Coef: []float64{1, 1}, Min: 0.3, Max: 0.3 + 1e-9}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := interval.New(p, interval.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f, err := Fit(p, s, uncached(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if f.Alpha[1] != 1 || f.Beta[1] != 1 || math.Abs(f.Alpha[0]-1) > 0.02 || math.Abs(f.Beta[0]-1) > 0.02 {
		t.Errorf("%+v", f)
	}
}

// captureLog returns what is logged from now on.
func captureLog(t *testing.T) *bytes.Buffer {
	var buf bytes.Buffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&buf, nil)))
	t.Cleanup(func() { slog.SetDefault(old) })
	return &buf
}

func TestDebiasCache(t *testing.T) {
	s := policytest.Simplex(t, 4)
	cfg := uncached()
	cfg.Points = 2000
	cfg.CacheDir = filepath.Join(t.TempDir(), "a", "b")
	debias := func(cfg Config, seed uint64) *policy.Fit {
		t.Helper()
		f, err := Fit(s.Of, s, cfg, seed)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	files := func() []string {
		t.Helper()
		m, err := checkout.Files(cfg.CacheDir, "*")
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	log := captureLog(t)
	f := debias(cfg, 1)
	if len(files()) != 1 {
		t.Fatalf("files: %v", files())
	}
	path := files()[0]
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	// A forged fit with a right checksum shows that the file is what is read.
	cache, err := newFitCache(s.Of, s.Method(), cfg, 1)
	if err != nil {
		t.Fatal(err)
	}
	forged := *f
	forged.Alpha = []float64{7, 7, 7}
	if err := cache.store(&forged); err != nil {
		t.Fatal(err)
	}
	if got := debias(cfg, 1); !reflect.DeepEqual(got, &forged) {
		t.Errorf("not read from the cache: %+v", got)
	}
	cfg.Sampler.Workers = 2
	if got := debias(cfg, 1); !reflect.DeepEqual(got, &forged) {
		t.Errorf("the number of goroutines changes the key")
	}
	if log.Len() > 0 {
		t.Errorf("logged: %s", log)
	}

	for name, raw := range map[string][]byte{
		"cut":      good[:len(good)/2],
		"empty":    {},
		"flipped":  bytes.Replace(good, []byte(`"points":2000`), []byte(`"points":2001`), 1),
		"version":  bytes.Replace(good, fmt.Appendf(nil, `{"format":%d`, fitFormat), []byte(`{"format":0`), 1),
		"not JSON": []byte("\x00\x01"),
		"other":    bytes.Replace(good, []byte(cache.key), []byte(strings.Repeat("0", 64)), 1),
	} {
		log.Reset()
		if err := os.WriteFile(path, raw, 0o644); err != nil {
			t.Fatal(err)
		}
		if got := debias(cfg, 1); !reflect.DeepEqual(got, f) {
			t.Errorf("%s: %+v, want %+v", name, got, f)
		}
		if !strings.Contains(log.String(), path) {
			t.Errorf("%s: no warning names the file: %s", name, log)
		}
		if again, _ := os.ReadFile(path); !bytes.Equal(again, good) {
			t.Errorf("%s: the file is not repaired", name)
		}
	}

	debias(cfg, 2)
	other := cfg
	other.FixedWidth = 1e-4
	debias(other, 1)
	other = cfg
	other.Sampler.Chains = 9
	debias(other, 1)
	if len(files()) != 4 {
		t.Errorf("seed and settings do not change the file: %v", files())
	}

	// A folder that cannot be written is a warning.
	log.Reset()
	blocked := cfg
	blocked.CacheDir = filepath.Join(path, "below a file")
	if got := debias(blocked, 1); !reflect.DeepEqual(got, f) {
		t.Errorf("%+v, want %+v", got, f)
	}
	if !strings.Contains(log.String(), "not cached") {
		t.Errorf("no warning: %s", log)
	}
}

func TestDebiasConfigValidate(t *testing.T) {
	s := policytest.Simplex(t, 3)
	for field, change := range map[string]func(*Config){
		"debias.points":         func(c *Config) { c.Points = 5 },
		"fixed_width":           func(c *Config) { c.FixedWidth = math.NaN() },
		"debias.sampler.chains": func(c *Config) { c.Sampler.Chains = 0 },
	} {
		cfg := uncached()
		change(&cfg)
		if _, err := Fit(s.Of, s, cfg, 1); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: error %v", field, err)
		}
	}
}

func BenchmarkDebias(b *testing.B) {
	p, err := constraints.Preset("portfolio", 0)
	if err != nil {
		b.Fatal(err)
	}
	solver, err := interval.New(p, interval.DefaultConfig())
	if err != nil {
		b.Fatal(err)
	}
	defer solver.Close()
	cfg := uncached()
	for b.Loop() {
		if _, err := Fit(p, solver, cfg, 1); err != nil {
			b.Fatal(err)
		}
	}
}
