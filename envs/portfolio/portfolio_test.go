package portfolio

import (
	"math"
	"testing"

	"paspo/envs"
	"paspo/envs/internal/envstest"
	"paspo/internal/long"
	"paspo/internal/reference"
	"paspo/lp"
	"paspo/lp/constraints"
)

func newPortfolio(t testing.TB, edit func(*Config)) *Problem {
	t.Helper()
	c := DefaultConfig()
	if edit != nil {
		edit(&c)
	}
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPortfolioTraces(t *testing.T) {
	var ref struct {
		Traces []struct {
			Obs0  []float64
			Steps []struct {
				Action, Returns, Obs []float64
				Reward, Wealth       float64
				Done                 bool
			}
		}
	}
	reference.Read(t, "env_portfolio13.json", &ref)
	p := newPortfolio(t, nil)
	if len(ref.Traces) == 0 {
		t.Fatal("no traces")
	}
	for k, trace := range ref.Traces {
		path := Path{First: trace.Obs0[15:]}
		for _, s := range trace.Steps {
			path.Returns = append(path.Returns, s.Returns[1:]...)
		}
		e, obs := p.NewEnv(), make([]float64, p.Spec().ObsDim)
		e.ResetTo(&path, obs)
		if d := envstest.MaxDifference(obs, trace.Obs0); d > 0 {
			t.Errorf("trace %d: first observation differs by %g", k, d)
		}
		for i, s := range trace.Steps {
			reward, done := e.Step(nil, s.Action, obs)
			if math.Abs(reward-s.Reward) > 1e-14 || done != s.Done || math.Abs(e.Wealth()-s.Wealth) > 1e-11 {
				t.Errorf("trace %d step %d: reward %v, done %v, wealth %v, want %v, %v, %v", k, i, reward, done, e.Wealth(), s.Reward, s.Done, s.Wealth)
			}
			// Holdings are recorded in single precision.
			if d := envstest.MaxDifference(obs, s.Obs); d > 1e-7 {
				t.Errorf("trace %d step %d: observation differs by %g", k, i, d)
			}
		}
	}
}

func TestPortfolioFixedPolicies(t *testing.T) {
	long.Test(t)
	var ref envstest.FixedPolicies
	reference.Read(t, "env_portfolio13.json", &ref)
	ref.Check(t, newPortfolio(t, nil), 20000, 13, nil)
}

// In the paper's market the forecast of the hidden state is a mixture of the
// rows of the transition matrix, and one allocation is the best for all of
// these: the optimum is a constant and its expected return has a closed form.
func TestPortfolioOptimum(t *testing.T) {
	long.Test(t)
	p := newPortfolio(t, nil)
	constant, err := p.BestConstant()
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.newBest()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range p.market.transition {
		a, err := b.allocation(row)
		if err != nil {
			t.Fatal(err)
		}
		if d := envstest.MaxDifference(a, constant); d > 1e-9 {
			t.Errorf("after %v the best allocation is %v, not %v", row, a, constant)
		}
	}
	var exact float64
	for k := range 13 {
		exact += dot(constant[1:], p.market.expected(k+1))
	}
	// About 0.459 by simulation with an independent implementation.
	if math.Abs(exact-0.459) > 5e-3 {
		t.Errorf("the optimum is worth %.5f, want about 0.459", exact)
	}

	paths := p.SimulatedPaths(20000, 1)
	optimal, err := p.OptimalAllocator()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.PlayPaths(paths, optimal)
	if err != nil {
		t.Fatal(err)
	}
	realised, rse := envs.MeanAndError(out.Returns)
	expected, ese := envs.MeanAndError(out.Expected)
	t.Logf("optimum: exact %.5f, realised %.5f +- %.5f, expected %.5f +- %.5f", exact, realised, rse, expected, ese)
	if math.Abs(expected-exact) > 4*ese {
		t.Errorf("expected return %.5f +- %.5f, exactly %.5f", expected, ese, exact)
	}
	if math.Abs(realised-exact) > 4*rse {
		t.Errorf("realised return %.5f +- %.5f, exactly %.5f", realised, rse, exact)
	}
	if out.Violations > 0 || out.MaxResidual > 1e-9 {
		t.Errorf("%d violations, largest residual %g", out.Violations, out.MaxResidual)
	}
	bound, err := p.UpperBound(paths)
	if err != nil {
		t.Fatal(err)
	}
	if d := envstest.MaxDifference(bound, out.Expected); d > 1e-9 {
		t.Errorf("the bound differs from the optimum by %g where trading is free", d)
	}
}

// The pieces of a segment of objectives against one linear program each.
func TestBestAgainstLP(t *testing.T) {
	p := newPortfolio(t, nil)
	r := envs.EpisodeStream(4, 0)
	for range 20 {
		// Scrambled means make more pieces than the paper's.
		m := *p.market
		m.means = [][]float64{make([]float64, 12), make([]float64, 12)}
		for i := range 12 {
			m.means[0][i], m.means[1][i] = r.NormFloat64(), r.NormFloat64()
		}
		q := *p
		q.market = &m
		b, err := q.newBest()
		if err != nil {
			t.Fatal(err)
		}
		for k := range 41 {
			states := []float64{1 - float64(k)/40, float64(k) / 40}
			a, err := b.allocation(states)
			if err != nil {
				t.Fatal(err)
			}
			mean := make([]float64, 12)
			m.mix(mean, states)
			want, err := q.maximize(mean, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, most := dot(a[1:], mean), dot(want[1:], mean); math.Abs(got-most) > 1e-9 {
				t.Fatalf("at %v the %d pieces give %v, the linear program %v", states, len(b.pieces), got, most)
			}
		}
	}
}

func TestPortfolioComparison(t *testing.T) {
	long.Test(t)
	for _, spread := range []float64{0, 0.002} {
		p := newPortfolio(t, func(c *Config) { c.Spread = spread })
		paths := p.SimulatedPaths(2000, 2)
		base, err := p.References(1)
		if err != nil {
			t.Fatal(err)
		}
		outs := map[string]*envs.Outcome{}
		for _, b := range base {
			o, err := p.PlayPaths(paths, b.Allocator)
			if err != nil {
				t.Fatal(err)
			}
			outs[b.Name] = o
			m, s := envs.MeanAndError(o.Returns)
			em, es := envs.MeanAndError(o.Expected)
			t.Logf("spread %g  %-14s realised %.4f +- %.4f  expected %.4f +- %.4f", spread, b.Name, m, s, em, es)
			if o.Violations > 0 || o.MaxResidual > 1e-9 {
				t.Errorf("%s: %d violations, largest residual %g", b.Name, o.Violations, o.MaxResidual)
			}
			// Realised and expected returns differ by noise of mean 0.
			diff := make([]float64, len(paths))
			for i := range diff {
				diff[i] = o.Returns[i] - o.Expected[i]
			}
			if m, s := envs.MeanAndError(diff); math.Abs(m) > 4*s {
				t.Errorf("%s: realised less expected return is %.5f +- %.5f", b.Name, m, s)
			}
		}
		bound, err := p.UpperBound(paths)
		if err != nil {
			t.Fatal(err)
		}
		for name, o := range outs {
			for i := range bound {
				if o.Expected[i] > bound[i]+1e-9 {
					t.Fatalf("%s expects %v on path %d, above the bound %v", name, o.Expected[i], i, bound[i])
				}
			}
		}
		from, to := outs["uniform"].Expected, outs[base[len(base)-1].Name].Expected
		half := make([]float64, len(from))
		for i := range half {
			half[i] = (from[i] + to[i]) / 2
		}
		for _, c := range []struct {
			policy []float64
			want   float64
		}{{from, 0}, {half, 0.5}, {to, 1}} {
			s := envs.SharesOfWay([][]float64{c.policy}, from, to, 1)[0]
			if math.Abs(s.Share-c.want) > 1e-12 || math.Abs(s.High-c.want) > 1e-9 || math.Abs(s.Low-c.want) > 1e-9 {
				t.Errorf("share of the way is %+v, want %v", s, c.want)
			}
		}
	}
}

// A market of no returns leaves the fees, which are known.
func TestPortfolioFees(t *testing.T) {
	p := newPortfolio(t, func(c *Config) { c.Spread = 0.01; c.Decisions = 3 })
	path := Path{First: make([]float64, 12), Returns: make([]float64, 36)}
	path.Returns[12] = 1 // MSFT doubles in the second month
	e, obs := p.NewEnv(), make([]float64, 27)
	e.ResetTo(&path, obs)
	a := make([]float64, 13)
	a[0], a[1], a[2] = 0.5, 0.25, 0.25
	wealth := 100.
	for k, want := range []float64{
		-0.01 * 0.5, // buys 0.25 and 0.25
		0.25,        // trades nothing, earns 0.25
		-0.01 * (0.4 - 0.25 + math.Abs(0.2-0.25)), // holds 0.4, 0.4, 0.2 by now
	} {
		reward, done := e.Step(nil, a, obs)
		wealth *= 1 + want
		if math.Abs(reward-want) > 1e-15 || math.Abs(obs[0]-wealth) > 1e-12 || done != (k == 2) {
			t.Errorf("step %d: reward %v, wealth %v, done %v, want %v, %v", k, reward, obs[0], done, want, wealth)
		}
	}
}

func TestPortfolioModes(t *testing.T) {
	play := func(p *Problem, seed int) (first []float64, returns []float64) {
		e, obs := p.NewEnv(), make([]float64, 27)
		r := envs.EpisodeStream(uint64(seed), 0)
		a := make([]float64, 13)
		a[0] = 1
		e.Reset(r, obs)
		first = append(first, obs[15:]...)
		for {
			_, done := e.Step(r, a, obs)
			returns = append(returns, obs[15:]...)
			if done {
				return first, returns
			}
		}
	}
	sim := newPortfolio(t, nil)
	f1, r1 := play(sim, 1)
	f2, r2 := play(sim, 2)
	if envstest.MaxDifference(f1, f2) == 0 || envstest.MaxDifference(r1, r2) == 0 || len(r1) != 13*12 {
		t.Error("simulated episodes do not differ")
	}

	back := newPortfolio(t, func(c *Config) { c.Mode = Backtest })
	f1, r1 = play(back, 1)
	f2, r2 = play(back, 2)
	if envstest.MaxDifference(f1, f2) == 0 {
		t.Error("backtests start with the same month")
	}
	if envstest.MaxDifference(r1, back.backtest) != 0 || envstest.MaxDifference(r2, back.backtest) != 0 {
		t.Error("a backtest does not run through the real months")
	}
	paths, err := back.BacktestPaths(2, 1)
	if err != nil {
		t.Fatal(err)
	}
	if envstest.MaxDifference(paths[0].First, paths[1].First) == 0 || envstest.MaxDifference(paths[1].Returns, back.backtest) != 0 {
		t.Error("paths of the backtest are wrong")
	}

	fixed := newPortfolio(t, func(c *Config) { c.Mode = Presampled; c.Trajectories = 3 })
	seen := map[int]bool{}
	for seed := range 50 {
		f, r := play(fixed, seed)
		known := false
		for i, path := range fixed.fixed {
			if envstest.MaxDifference(f, path.First) == 0 && envstest.MaxDifference(r, path.Returns) == 0 {
				known, seen[i] = true, true
			}
		}
		if !known {
			t.Fatal("a presampled episode is none of the fixed trajectories")
		}
	}
	if len(seen) != 3 {
		t.Errorf("%d of 3 trajectories were played", len(seen))
	}
}

func TestPortfolioConfigErrors(t *testing.T) {
	for _, edit := range []func(*Config){
		func(c *Config) { c.Mode = "real" },
		func(c *Config) { c.Decisions = 0 },
		func(c *Config) { c.Spread = -0.1 },
		func(c *Config) { c.Spread = math.NaN() },
		func(c *Config) { c.Trajectories = 0 },
		func(c *Config) { c.Parameters = "x.json" },
		func(c *Config) { c.Meta = "x.json" },
		func(c *Config) { c.Parameters, c.Meta = "none.json", "none.json" },
		func(c *Config) { c.BacktestFile = "none.json" },
		func(c *Config) { c.Mode, c.Decisions = Backtest, 14 },
		func(c *Config) { c.Polytope = computePreset(t) },
	} {
		c := DefaultConfig()
		edit(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%+v was accepted", c)
		} else {
			t.Log(err)
		}
	}
}

func computePreset(t testing.TB) *lp.Polytope {
	t.Helper()
	p, err := constraints.Preset("compute", 0)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
