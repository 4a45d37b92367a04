package bounds_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"

	"paspo/envs"
	"paspo/envs/benchmarks"
	"paspo/envs/compute"
	"paspo/envs/internal/bounds"
	"paspo/envs/internal/snapshot"
	"paspo/envs/portfolio"
	"paspo/internal/long"
	"paspo/lp"
	"paspo/lp/interval"
	"paspo/lp/relax"
)

func named(t testing.TB, name string) envs.Problem {
	t.Helper()
	c := benchmarks.DefaultConfig()
	c.Name = name
	p, err := benchmarks.New(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// limited returns problems whose limits follow the state, from easy ones to those whose stated
// limits no allocation satisfies in most states.
func limited(t testing.TB) map[string]envs.Problem {
	t.Helper()
	out := map[string]envs.Problem{}
	for _, name := range benchmarks.Variants() {
		out[name] = named(t, name)
	}
	for name, edit := range map[string]func(*portfolio.Config){
		"portfolio, small limits": func(c *portfolio.Config) { c.TradeLimit, c.CashLimit = 0.002, 0.002 },
		"portfolio, tight rows":   func(c *portfolio.Config) { c.TradeLimit, c.CashLimit, c.Polytope = 0.02, 0.05, tight(t) },
		"portfolio, nearly none":  func(c *portfolio.Config) { c.TradeLimit, c.CashLimit, c.Polytope = 1e-8, 1e-8, tight(t) },
	} {
		c := portfolio.DefaultConfig()
		edit(&c)
		p, err := portfolio.New(c)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = p
	}
	c := compute.DefaultConfig()
	c.QueueHalf = 0.05
	p, err := compute.New(c)
	if err != nil {
		t.Fatal(err)
	}
	out["compute, short queues"] = p
	return out
}

// tight returns a polytope of portfolios that excludes the one an episode starts with, which is
// all cash.
func tight(t testing.TB) *lp.Polytope {
	t.Helper()
	names := []string{"CASH", "MSFT", "BIDU", "ADBE", "PCAR", "NVDA", "SBUX", "INTU", "ADP", "AMZN", "EBAY", "AMGN", "QCOM"}
	d := lp.Description{Entities: names, Total: 1, Lower: make([]float64, 13), Upper: make([]float64, 13)}
	for i := range d.Upper {
		d.Upper[i] = 0.3
	}
	d.Upper[0], d.Lower[1], d.Lower[12] = 0.1, 0.25, 0.05
	coef := func(c ...float64) []float64 { return append(c, make([]float64, 13-len(c))...) }
	d.Rows = []lp.Row{
		{Name: "pair", Coef: coef(0, 1, 1), Min: math.Inf(-1), Max: 0.31},
		{Name: "ratio", Coef: coef(0, 0, -1, 2, -1, 0.5), Min: 0.02, Max: 0.05},
		{Name: "large", Coef: coef(0, 900, 700, 100, 300, 20, 40, 500), Min: math.Inf(-1), Max: 350},
		{Name: "equal", Coef: coef(0, 0, 0, 0, 0, 0, 0, 0, 1, -1), Min: 0, Max: 0},
	}
	p, err := lp.New(d)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// boundsOf returns those of a copy.
func boundsOf(t testing.TB, e envs.Env) *bounds.Bounds {
	t.Helper()
	switch e := e.(type) {
	case *portfolio.Limited:
		return e.Bounds
	case *compute.Capped:
		return e.Bounds
	}
	t.Fatalf("%T has no limits", e)
	return nil
}

// targets are vertices of p and points between them.
func targets(t testing.TB, p *lp.Polytope, r *rand.Rand) [][]float64 {
	t.Helper()
	var out [][]float64
	c := make([]float64, p.Dim())
	for range 40 {
		for j := range c {
			c[j] = r.NormFloat64()
		}
		x, _, err := p.Minimize(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, x)
	}
	for i := range 20 {
		mid := make([]float64, p.Dim())
		for j := range mid {
			mid[j] = (out[i][j] + out[i+20][j]) / 2
		}
		out = append(out, mid)
	}
	return out
}

// visit plays a problem by random targets and calls f in every state.
func visit(t testing.TB, p envs.Problem, states int, seed uint64, f func(e envs.Env, lim *lp.Limits, action []float64)) {
	t.Helper()
	polytope := p.Spec().Polytope
	r := envs.EpisodeStream(seed, 0)
	to := targets(t, polytope, r)
	e, obs, a := p.New(), make([]float64, p.Spec().ObsDim), make([]float64, polytope.Dim())
	e.Reset(r, obs)
	aim := to[0]
	for range states {
		if r.IntN(4) == 0 {
			aim = to[r.IntN(len(to))]
		}
		var lim lp.Limits
		e.(envs.Limiter).Limits(&lim)
		boundsOf(t, e).Towards(a, aim)
		f(e, &lim, a)
		if _, done := e.Step(r, a, obs); done {
			e.Reset(r, obs)
		}
	}
}

// Some allocation satisfies the relaxed limits of every state: the test is shown one in each of a
// million states, fewer with -short.
func TestLimitsAreNeverEmpty(t *testing.T) {
	problems := limited(t)
	states := 1_000_000 / len(problems)
	if testing.Short() {
		states /= 20
	}
	for name, p := range problems {
		polytope := p.Spec().Polytope
		relaxed, moved := 0, 0
		var most float64
		var before []float64
		fallbacks := 0
		visit(t, p, states, 1, func(e envs.Env, lim *lp.Limits, a []float64) {
			if r := polytope.Residual(a, lim); !(r <= 1e-9) {
				t.Fatalf("%s: the allocation that shows that something is left has a residual of %g", name, r)
			}
			for j := range a {
				if !(lim.Upper[j] >= lim.Lower[j]) {
					t.Fatalf("%s: the bounds of entity %d are %v and %v", name, j, lim.Lower[j], lim.Upper[j])
				}
			}
			if w := e.(envs.Relaxer).Relaxation(); w > 0 {
				relaxed++
				most = max(most, w)
			}
			if before == nil || floats.Distance(a, before, math.Inf(1)) > 1e-6 {
				moved++
			}
			before = append(before[:0], a...)
			fallbacks = boundsOf(t, e).Fallbacks()
		})
		t.Logf("%-26s %d states, %.1f %% relaxed, by %.3g at most; %d left to lp", name, states, 100*float64(relaxed)/float64(states), most, fallbacks)
		if fallbacks > states/1000 {
			t.Errorf("%s: the dictionary failed in %d of %d states", name, fallbacks, states)
		}
		if moved < states/20 && !strings.Contains(name, "nearly none") {
			t.Errorf("%s: the allocation moved in %d of %d states only", name, moved, states)
		}
	}
}

// Actions sampled entity by entity keep the limits.
func TestLimitsAreRespected(t *testing.T) {
	for name, p := range limited(t) {
		polytope := p.Spec().Polytope
		n := polytope.Dim()
		s, err := interval.New(polytope, interval.Config{Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		c := s.Chain(1)
		r := envs.EpisodeStream(9, 9)
		e, obs := p.New(), make([]float64, p.Spec().ObsDim)
		e.Reset(r, obs)
		a, lo, hi, one := make([]float64, n), make([]float64, 1), make([]float64, 1), make([]float64, 1)
		worst, relaxed := math.Inf(-1), 0
		for range 150 {
			var lim lp.Limits
			e.(envs.Limiter).Limits(&lim)
			if e.(envs.Relaxer).Relaxation() > 0 {
				relaxed++
			}
			c.Begin(1, []lp.Limits{lim})
			for j := range n {
				if err := c.Next(lo, hi); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				a[j] = lo[0] + (hi[0]-lo[0])*r.Float64()
				one[0] = a[j]
				c.Fix(one)
			}
			worst = max(worst, polytope.Residual(a, &lim))
			if _, done := e.Step(r, a, obs); done {
				e.Reset(r, obs)
			}
		}
		t.Logf("%-26s largest residual %.2g, %d of 150 states relaxed", name, worst, relaxed)
		if !(worst <= 1e-9) {
			t.Errorf("%s: a sampled action has a residual of %g", name, worst)
		}
	}
}

// A problem states from the observation what its environment states.
func TestLimitsFromObservations(t *testing.T) {
	for name, p := range limited(t) {
		rows := envs.NewRowLimits(p)
		r := envs.EpisodeStream(3, 3)
		e, obs := p.New(), make([]float64, p.Spec().ObsDim)
		e.Reset(r, obs)
		for range 200 {
			var want lp.Limits
			e.(envs.Limiter).Limits(&want)
			lims, err := rows.Of(obs, 1)
			if err != nil {
				t.Fatal(err)
			}
			got := lims[0]
			if !slices.Equal(got.Lower, want.Lower) || !slices.Equal(got.Upper, want.Upper) || got.B != nil || got.F != nil {
				t.Fatalf("%s: limits %v, those of the environment are %v", name, got, want)
			}
			a := make([]float64, p.Spec().Polytope.Dim())
			boundsOf(t, e).Towards(a, boundsOf(t, e).Known())
			if _, done := e.Step(r, a, obs); done {
				e.Reset(r, obs)
			}
		}
		if len(p.Spec().ObsNames) != p.Spec().ObsDim || len(obs) != p.Spec().ObsDim {
			t.Errorf("%s: %d names of %d components", name, len(p.Spec().ObsNames), p.Spec().ObsDim)
		}
	}
	for _, name := range benchmarks.Names() {
		p := named(t, name)
		none, err := envs.NewRowLimits(p).Of(nil, 0)
		if _, ok := p.New().(envs.Limiter); ok || envs.NewRowLimits(p) != nil || none != nil || err != nil {
			t.Errorf("%s has limits that follow the state", name)
		}
	}
}

// Limits survive a snapshot in the middle of an episode.
func TestLimitsResume(t *testing.T) {
	for name, p := range limited(t) {
		steps := 0
		visit(t, p, 120, 4, func(e envs.Env, lim *lp.Limits, _ []float64) {
			saved, err := e.(envs.Snapshotter).MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			f := p.New()
			f.Reset(envs.EpisodeStream(8, steps), make([]float64, p.Spec().ObsDim))
			if err := f.(envs.Snapshotter).UnmarshalBinary(saved); err != nil {
				t.Fatal(err)
			}
			var got lp.Limits
			f.(envs.Limiter).Limits(&got)
			if !slices.Equal(got.Lower, lim.Lower) || !slices.Equal(got.Upper, lim.Upper) || f.(envs.Relaxer).Relaxation() != e.(envs.Relaxer).Relaxation() {
				t.Fatalf("%s: limits %v after the snapshot, %v before", name, got, *lim)
			}
			// The relaxation comes out the same when it is computed anew.
			g := boundsOf(t, f)
			g.Moved(nil)
			if g.Relaxation() != e.(envs.Relaxer).Relaxation() {
				t.Fatalf("%s: relaxed by %v when computed anew, %v before", name, g.Relaxation(), e.(envs.Relaxer).Relaxation())
			}
			steps++
		})
	}
	var w snapshot.Writer
	w.Float(math.NaN())
	f := boundsOf(t, named(t, portfolio.LimitedName).New())
	if r := (snapshot.Reader{B: w.B}); !math.IsNaN(f.Load(&r)) || r.Err == nil {
		t.Error("a relaxation of NaN was restored")
	}
}

func TestLimitedReferences(t *testing.T) {
	long.Test(t)
	for name, p := range limited(t) {
		if name == "portfolio, nearly none" {
			continue
		}
		base, err := p.(interface {
			References(uint64) ([]envs.Reference, error)
		}).References(1)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range base {
			out, err := envs.Play(p, b.Allocator, 20, 1000, 1)
			if err != nil {
				t.Fatalf("%s, %s: %v", name, b.Name, err)
			}
			m, s := envs.MeanAndError(out.Returns)
			t.Logf("%-26s %-18s %.4f +- %.4f, %d of %d states relaxed", name, b.Name, m, s, out.Relaxed, sum(out.Lengths))
			if out.Violations > 0 || out.MaxResidual > 1e-9 {
				t.Errorf("%s, %s: %d violations, largest residual %g", name, b.Name, out.Violations, out.MaxResidual)
			}
		}
	}
}

func sum(xs []int) (s int) {
	for _, x := range xs {
		s += x
	}
	return s
}

// Steps with the limits of every state; "relaxed" is the share of states that
// need a linear program or a relaxation.
func BenchmarkLimits(b *testing.B) {
	for name, p := range limited(b) {
		b.Run(name, func(b *testing.B) {
			v, err := envs.NewVector(p, envs.VectorConfig{Count: 8, Seed: 1, Workers: 1})
			if err != nil {
				b.Fatal(err)
			}
			defer v.Close()
			n := p.Spec().Polytope.Dim()
			a := make([]float64, 8*n)
			relaxed := 0
			b.ReportAllocs()
			for b.Loop() {
				for i := range 8 {
					f := boundsOf(b, v.Env(i))
					f.Towards(a[i*n:(i+1)*n], f.Known())
				}
				v.Step(a)
				relaxed += v.Relaxed()
			}
			b.ReportMetric(float64(8*b.N)/b.Elapsed().Seconds(), "steps/s")
			b.ReportMetric(float64(relaxed)/float64(8*b.N), "relaxed")
		})
	}
}

// The relaxation against a bisection over whether lp finds a point.
func TestRelaxationIsLeast(t *testing.T) {
	long.Test(t)
	for name, p := range limited(t) {
		polytope := p.Spec().Polytope
		l, u := polytope.Bounds()
		n := polytope.Dim()
		lim := lp.Limits{Lower: make([]float64, n), Upper: make([]float64, n)}
		zero := make([]float64, n)
		count, relaxed := 0, 0
		visit(t, p, 4000, 2, func(e envs.Env, _ *lp.Limits, _ []float64) {
			lo, hi := boundsOf(t, e).Stated()
			got := e.(envs.Relaxer).Relaxation()
			if count++; count%100 != 0 && (got == 0 || relaxed >= 30) {
				return
			}
			some := func(by float64) bool {
				for j := range n {
					lim.Lower[j], lim.Upper[j] = max(l[j], lo[j]-by), min(u[j], hi[j]+by)
					if lim.Lower[j] > lim.Upper[j] {
						return false
					}
				}
				_, _, err := polytope.Minimize(zero, &lim)
				var empty *lp.EmptyError
				if err != nil && !errors.As(err, &empty) {
					t.Fatal(err)
				}
				return err == nil
			}
			if got == 0 {
				if !some(0) {
					t.Fatalf("%s: nothing is relaxed, but nothing is left", name)
				}
				return
			}
			relaxed++
			low, high := 0., 2.
			for high-low > 1e-12 {
				if mid := (low + high) / 2; some(mid) {
					high = mid
				} else {
					low = mid
				}
			}
			// A row has coefficients of 900. Where limits exclude all allocations by less
			// than its tolerance, lp finds one.
			if math.Abs(got-relax.Margin-high) > 2e-9 {
				t.Fatalf("%s: relaxed by %.12g, the least is %.12g", name, got, high)
			}
		})
		t.Logf("%-26s %d relaxed states compared", name, relaxed)
		if harsh := strings.Contains(name, ","); harsh && name != "portfolio, small limits" && relaxed < 20 {
			t.Errorf("%s: only %d states were relaxed: this compares little", name, relaxed)
		}
	}
}
