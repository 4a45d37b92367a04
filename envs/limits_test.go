package envs

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"paspo/internal/race"
	"paspo/lp"
)

func named(t testing.TB, name string) Problem {
	t.Helper()
	c := DefaultConfig()
	c.Name = name
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	p, err := New(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// limited are problems whose limits follow the state, from easy ones to those
// whose limits leave nothing in most states.
func limited(t testing.TB) map[string]Problem {
	t.Helper()
	out := map[string]Problem{}
	for _, name := range Variants() {
		out[name] = named(t, name)
	}
	for name, edit := range map[string]func(*PortfolioConfig){
		"portfolio, small limits": func(c *PortfolioConfig) { c.TradeLimit, c.CashLimit = 0.002, 0.002 },
		"portfolio, tight rows":   func(c *PortfolioConfig) { c.TradeLimit, c.CashLimit, c.Polytope = 0.02, 0.05, tight(t) },
		"portfolio, nearly none":  func(c *PortfolioConfig) { c.TradeLimit, c.CashLimit, c.Polytope = 1e-8, 1e-8, tight(t) },
	} {
		out[name] = newPortfolio(t, edit)
	}
	c := DefaultComputeConfig()
	c.QueueHalf = 0.05
	p, err := NewCompute(c)
	if err != nil {
		t.Fatal(err)
	}
	out["compute, short queues"] = p
	return out
}

// tight is a set of portfolios that an episode, which starts in cash, starts
// outside of.
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

func follows(t testing.TB, e Env) *following {
	t.Helper()
	switch e := e.(type) {
	case *LimitedPortfolio:
		return e.limits
	case *CappedCompute:
		return e.limits
	}
	t.Fatalf("%T has no limits", e)
	return nil
}

// witness returns a point that the limits of the state leave.
func (f *following) witness() []float64 {
	f.update()
	for _, a := range [][]float64{f.last, f.w.known} {
		if a != nil && f.w.leaves(a, f.lo, f.hi) {
			return a
		}
	}
	return f.w.a
}

// towards returns the point of the limits that is farthest on the way from the
// witness to target, which is in the polytope.
func (f *following) towards(dst, target []float64) {
	from := f.witness()
	way := 1.
	for j, x := range from {
		switch d := target[j] - x; {
		case d > 0:
			way = min(way, max(0, (f.u[j]-x)/d))
		case d < 0:
			way = min(way, max(0, (f.l[j]-x)/d))
		}
	}
	for j, x := range from {
		dst[j] = x + way*(target[j]-x)
	}
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
func visit(t testing.TB, p Problem, states int, seed uint64, f func(e Env, lim *lp.Limits, action []float64)) {
	t.Helper()
	polytope := p.Spec().Polytope
	r := EpisodeStream(seed, 0)
	to := targets(t, polytope, r)
	e, obs, a := p.New(), make([]float64, p.Spec().ObsDim), make([]float64, polytope.Dim())
	e.Reset(r, obs)
	aim := to[0]
	for range states {
		if r.IntN(4) == 0 {
			aim = to[r.IntN(len(to))]
		}
		var lim lp.Limits
		e.(Limiter).Limits(&lim)
		follows(t, e).towards(a, aim)
		f(e, &lim, a)
		if _, done := e.Step(r, a, obs); done {
			e.Reset(r, obs)
		}
	}
}

// Limits leave something in every state: a point of them is shown for each of a
// million states, fewer under the race detector, which has one goroutine to
// watch here.
func TestLimitsAreNeverEmpty(t *testing.T) {
	problems := limited(t)
	states := 1_000_000 / len(problems)
	if testing.Short() || race.Enabled {
		states /= 20
	}
	for name, p := range problems {
		polytope := p.Spec().Polytope
		relaxed, moved := 0, 0
		var most float64
		var before []float64
		fallbacks := 0
		visit(t, p, states, 1, func(e Env, lim *lp.Limits, a []float64) {
			if r := polytope.Residual(a, lim); !(r <= 1e-9) {
				t.Fatalf("%s: the allocation that shows that something is left has a residual of %g", name, r)
			}
			for j := range a {
				if !(lim.Upper[j] >= lim.Lower[j]) {
					t.Fatalf("%s: the bounds of entity %d are %v and %v", name, j, lim.Lower[j], lim.Upper[j])
				}
			}
			if w := e.(Relaxer).Relaxation(); w > 0 {
				relaxed++
				most = max(most, w)
			}
			if before == nil || excess(a, before, before) > 1e-6 {
				moved++
			}
			before = append(before[:0], a...)
			fallbacks = follows(t, e).w.fallbacks
		})
		t.Logf("%-26s %d states, %.1f %% relaxed, by %.3g at most; %d left to lp", name, states, 100*float64(relaxed)/float64(states), most, fallbacks)
		if fallbacks > states/1000 {
			t.Errorf("%s: the tableau failed in %d of %d states", name, fallbacks, states)
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
		s, err := lp.NewSolver(polytope, lp.SolverConfig{Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		c := s.Chain(1)
		r := EpisodeStream(9, 9)
		e, obs := p.New(), make([]float64, p.Spec().ObsDim)
		e.Reset(r, obs)
		a, lo, hi, one := make([]float64, n), make([]float64, 1), make([]float64, 1), make([]float64, 1)
		worst, relaxed := math.Inf(-1), 0
		for range 150 {
			var lim lp.Limits
			e.(Limiter).Limits(&lim)
			if e.(Relaxer).Relaxation() > 0 {
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
		rows := NewRowLimits(p)
		r := EpisodeStream(3, 3)
		e, obs := p.New(), make([]float64, p.Spec().ObsDim)
		e.Reset(r, obs)
		for range 200 {
			var want lp.Limits
			e.(Limiter).Limits(&want)
			lims, err := rows.Of(obs, 1)
			if err != nil {
				t.Fatal(err)
			}
			got := lims[0]
			if !slices.Equal(got.Lower, want.Lower) || !slices.Equal(got.Upper, want.Upper) || got.B != nil || got.E != nil {
				t.Fatalf("%s: limits %v, those of the environment are %v", name, got, want)
			}
			a := make([]float64, p.Spec().Polytope.Dim())
			follows(t, e).towards(a, follows(t, e).w.known)
			if _, done := e.Step(r, a, obs); done {
				e.Reset(r, obs)
			}
		}
		if len(p.Spec().ObsNames) != p.Spec().ObsDim || len(obs) != p.Spec().ObsDim {
			t.Errorf("%s: %d names of %d components", name, len(p.Spec().ObsNames), p.Spec().ObsDim)
		}
	}
	for _, name := range Names() {
		p := named(t, name)
		none, err := NewRowLimits(p).Of(nil, 0)
		if _, ok := p.New().(Limiter); ok || NewRowLimits(p) != nil || none != nil || err != nil {
			t.Errorf("%s has limits that follow the state", name)
		}
	}
}

// Limits survive a snapshot in the middle of an episode.
func TestLimitsResume(t *testing.T) {
	for name, p := range limited(t) {
		steps := 0
		visit(t, p, 120, 4, func(e Env, lim *lp.Limits, _ []float64) {
			saved, err := e.(Snapshotter).MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			f := p.New()
			f.Reset(EpisodeStream(8, steps), make([]float64, p.Spec().ObsDim))
			if err := f.(Snapshotter).UnmarshalBinary(saved); err != nil {
				t.Fatal(err)
			}
			var got lp.Limits
			f.(Limiter).Limits(&got)
			if !slices.Equal(got.Lower, lim.Lower) || !slices.Equal(got.Upper, lim.Upper) || f.(Relaxer).Relaxation() != e.(Relaxer).Relaxation() {
				t.Fatalf("%s: limits %v after the snapshot, %v before", name, got, *lim)
			}
			// What is computed anew is what was saved.
			g := follows(t, f)
			g.moved(nil)
			if g.relaxation() != e.(Relaxer).Relaxation() {
				t.Fatalf("%s: relaxed by %v when computed anew, %v before", name, g.relaxation(), e.(Relaxer).Relaxation())
			}
			steps++
		})
	}
	var w writer
	w.float(math.NaN())
	f := follows(t, named(t, PortfolioLimited).New())
	if r := (reader{b: w.b}); !math.IsNaN(f.load(&r)) || r.err == nil {
		t.Error("a relaxation of NaN was restored")
	}
}

func TestLimitedBaselines(t *testing.T) {
	for name, p := range limited(t) {
		if name == "portfolio, nearly none" {
			continue
		}
		base, err := p.(interface {
			Baselines(uint64) ([]Baseline, error)
		}).Baselines(1)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range base {
			out, err := Play(p, b.Allocator, 20, 1000, 1)
			if err != nil {
				t.Fatalf("%s, %s: %v", name, b.Name, err)
			}
			m, s := MeanAndError(out.Returns)
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

func TestLimitSettings(t *testing.T) {
	for _, test := range []struct {
		edit func(*Config)
		want string
	}{
		{func(c *Config) { c.Name, c.Portfolio.TradeLimit = "portfolio", -1 }, "portfolio.trade_limit is -1"},
		{func(c *Config) { c.Name, c.Portfolio.TradeLimit = PortfolioLimited, math.NaN() }, "portfolio.trade_limit is NaN"},
		{func(c *Config) { c.Name, c.Portfolio.CashLimit = PortfolioLimited, 2 }, "portfolio.cash_limit is 2"},
		{func(c *Config) { c.Portfolio.CashLimit = 0.1 }, "without a trade_limit"},
		{func(c *Config) { c.Name, c.Compute.QueueHalf = ComputeCapped, -1 }, "compute.queue_half is -1"},
		{func(c *Config) { c.Name = "compute-limited" }, "portfolio-limited, compute-capped are allowed"},
	} {
		c := DefaultConfig()
		test.edit(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error %v, want %q", err, test.want)
		}
		if _, err := New(c, nil); err == nil {
			t.Errorf("New accepted what has to be refused for %q", test.want)
		}
	}
	if got := named(t, PortfolioLimited).Spec().Name; got != PortfolioLimited {
		t.Errorf("name %q", got)
	}
	if got := named(t, ComputeCapped).Spec().Name; got != ComputeCapped {
		t.Errorf("name %q", got)
	}
}

// Steps with the limits of every state; "relaxed" is the share of states that
// need a linear program or a relaxation.
func BenchmarkLimits(b *testing.B) {
	for name, p := range limited(b) {
		b.Run(name, func(b *testing.B) {
			v := newVector(b, p, VectorConfig{Count: 8, Seed: 1, Workers: 1})
			n := p.Spec().Polytope.Dim()
			a := make([]float64, 8*n)
			relaxed := 0
			b.ReportAllocs()
			for b.Loop() {
				for i := range 8 {
					f := follows(b, v.Env(i))
					f.towards(a[i*n:(i+1)*n], f.w.known)
				}
				v.Step(a)
				relaxed += v.Relaxed()
			}
			b.ReportMetric(float64(8*b.N)/b.Elapsed().Seconds(), "steps/s")
			b.ReportMetric(float64(relaxed)/float64(8*b.N), "relaxed")
		})
	}
}
