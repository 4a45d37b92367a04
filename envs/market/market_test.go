package market

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"paspo/envs"
	"paspo/internal/marketmodel"
	"paspo/internal/rng"
	_ "paspo/internal/seeded"
	"paspo/lp"
)

func newModel(t testing.TB, kind string, periods int) *marketmodel.Model {
	t.Helper()
	r := rand.New(rng.New(1, "model"))
	d := marketmodel.Description{Kind: kind, Every: "month", Assets: []string{"A", "B", "C"}}
	for i := range periods {
		d.Dates = append(d.Dates, fmt.Sprint(i))
		d.Returns = append(d.Returns, []float64{0.05 * r.NormFloat64(), 0.03 * r.NormFloat64(), math.Expm1(0.1 * r.NormFloat64())})
	}
	m, err := marketmodel.New(d)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func newProblem(t testing.TB, edit func(*Config)) *Problem {
	t.Helper()
	c := DefaultConfig()
	c.Lookback, c.Decisions, c.Features = 3, 5, []string{Return, Momentum, Volatility}
	if edit != nil {
		edit(&c)
	}
	p, err := over(c, newModel(t, marketmodel.Bootstrap, 40))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Costs by hand: of 10 000 in cash half goes into A at 1 %. The fee is 1 % of the half of
// what remains after it, 10 000 / 1.005 = 9 950.25: 49.75. A gains a tenth, so that the wealth is
// 10 447.76; all of A, 5 472.64, is sold for a fee of 54.73, which leaves 10 393.03.
func TestCostsToTheCent(t *testing.T) {
	polytope, err := lp.New(Simplex([]string{"A"}))
	if err != nil {
		t.Fatal(err)
	}
	p := newProblem(t, func(c *Config) { c.Polytope, c.Costs = polytope, "{A: 0.01}" })
	cents := func(x, want float64) {
		t.Helper()
		if math.Round(x*100) != math.Round(want*100) {
			t.Errorf("%.4f, want %.2f", x, want)
		}
	}
	h, wealth := []float64{1, 0}, 10_000.
	for i, step := range []struct {
		a, returns        []float64
		left, fee, wealth float64
	}{
		{[]float64{0.5, 0.5}, []float64{0.1, 0, 0}, 9950.25, 49.75, 10447.76},
		{[]float64{1, 0}, []float64{-0.2, 0, 0}, 10393.03, 54.73, 10393.03},
	} {
		f, growth := p.Grow(h, step.a, step.returns)
		cents(wealth*f, step.left)
		cents(wealth*(1-f), step.fee)
		if wealth *= f * growth; i == 0 {
			cents(wealth*h[1], 5472.64)
		}
		cents(wealth, step.wealth)
	}
}

// Shorts by hand: of 10 000 in cash, A is sold for half of what its fee of 1 % leaves, that is
// 10 000 / 1.005 = 9 950.25: 4 975.12 of A are owed, and cash is 14 925.37. A gains a tenth, so
// that 5 472.64 are owed; borrowing them at 2 % was 99.50. The wealth is 9 353.23. All of A is
// bought back for a fee of 54.73, which leaves 9 298.51.
func TestShortsToTheCent(t *testing.T) {
	d := Simplex([]string{"A"})
	d.Lower, d.Upper = []float64{0, -1}, []float64{2, 1}
	polytope, err := lp.New(d)
	if err != nil {
		t.Fatal(err)
	}
	p := newProblem(t, func(c *Config) { c.Polytope, c.Costs, c.Borrow = polytope, "{A: 0.01}", "{A: 0.02}" })
	h, wealth := []float64{1, 0}, 10_000.
	cents := func(what string, x, want float64) {
		t.Helper()
		if math.Round(x*100) != math.Round(want*100) {
			t.Errorf("%s is %.4f, want %.2f", what, x, want)
		}
	}
	short := []float64{1.5, -0.5}
	f, growth := p.Grow(h, short, []float64{0.1, 0, 0})
	cents("what is left", wealth*f, 9950.25)
	cents("the cost of borrowing", wealth*f*p.Borrowing(short), 99.50)
	wealth *= f * growth
	cents("the wealth", wealth, 9353.23)
	cents("what is owed", wealth*h[1], -5472.64)
	cents("cash", wealth*h[0], 14825.87)
	f, growth = p.Grow(h, []float64{1, 0}, []float64{-0.2, 0, 0})
	cents("what is left", wealth*f*growth, 9298.51)

	// A fourfold rise takes more than there is: a thousandth is left, in cash.
	h = []float64{1, 0}
	if f, growth = p.Grow(h, short, []float64{3, 0, 0}); math.Abs(f*growth-Ruin) > 1e-15 || h[0] != 1 || h[1] != 0 {
		t.Errorf("ruin leaves %v of the wealth, holdings %v", f*growth, h)
	}
}

// limited is a problem with turnover that counts from what is held, leverage and shorts.
func limited(t testing.TB, edit func(*lp.Description)) *Problem {
	t.Helper()
	d := Simplex([]string{"A", "B", "C"})
	d.Lower, d.Upper = []float64{0, -0.3, -0.3, 0}, []float64{1.5, 0.6, 0.6, 0.6}
	turnover := lp.Row{Name: "trade", Coef: make([]float64, 4), Min: math.Inf(-1), Max: 0.3}
	leverage := lp.Row{Name: "leverage", Coef: make([]float64, 4), Min: math.Inf(-1), Max: 1.5}
	for j := range 4 {
		turnover.Terms = append(turnover.Terms, lp.Term{Entity: j, Above: 1, Below: 1, From: 0.25, Holding: true})
		leverage.Terms = append(leverage.Terms, lp.Term{Entity: j, Above: 1, Below: 1})
	}
	d.Rows = []lp.Row{turnover, leverage}
	if edit != nil {
		edit(&d)
	}
	p, err := lp.New(d)
	if err != nil {
		t.Fatal(err)
	}
	return newProblem(t, func(c *Config) { c.Polytope, c.Borrow = p, "0.002" })
}

// Limits on turnover follow what is held, from the environment as from the observation, and
// no allocation within them is broken. Where holdings are beyond the other limits they are
// relaxed by what these ask for.
func TestTurnover(t *testing.T) {
	p := limited(t, nil)
	if err := envs.CheckSnapshots(p); err != nil {
		t.Error(err)
	}
	equal := []float64{0.25, 0.25, 0.25, 0.25}
	out, err := envs.Play(p, envs.Within(p.Spec().Polytope, envs.Constant(equal)), 50, 5, 1)
	if err != nil || out.Violations > 0 || !(out.MaxResidual <= 1e-9) || out.Relaxed == 0 {
		t.Errorf("%+v, %v", out, err)
	}
	// A may be 0.6: from all in A at least 0.4 is sold, and 0.4 of others bought.
	var lim lp.Limits
	e := p.New().(*Limited)
	copy(e.holdings, []float64{0, 1, 0, 0})
	e.Limits(&lim)
	if by := e.Relaxation(); math.Abs(by-0.5) > 2e-9 || math.Abs(lim.B[0]-0.8) > 2e-9 || lim.B[1] != 1.5 || !slices.Equal(lim.Holdings, e.holdings) {
		t.Errorf("relaxed by %v: %+v", by, lim)
	}
	obs := make([]float64, p.Spec().ObsDim)
	copy(obs, e.holdings)
	rows := envs.NewRowLimits(p)
	if of, err := rows.Of(obs, 1); err != nil || !slices.Equal(of[0].B, lim.B) || !slices.Equal(of[0].Holdings, lim.Holdings) {
		t.Errorf("%+v from the observation, %v", of, err)
	}
	if err := p.CheckObservation(append([]float64{1.1, -0.1, 0, 0}, make([]float64, 9)...)); err != nil {
		t.Error(err)
	}
	free, err := p.Free()
	if _, follows := free.New().(envs.Limiter); err != nil || follows || free.Spec().Polytope.HasHoldings() || !free.Spec().Polytope.HasTerms() {
		t.Errorf("free of costs it has limits that follow what is held: %v", err)
	}
}

// The wealth that remains and the costs of the trades to its allocation add up to the whole
// wealth, with shorts too.
func TestRemainder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "n")
		least := 0.
		if rapid.Bool().Draw(t, "shorts") {
			least = -0.05
		}
		vector := func(name string, most float64) []float64 {
			if name == "c" {
				return rapid.SliceOfN(rapid.Float64Range(0, most), n, n).Draw(t, name)
			}
			return rapid.SliceOfN(rapid.Float64Range(least, most), n, n).Draw(t, name)
		}
		scale := func(x []float64) []float64 {
			sum := 0.
			for _, v := range x {
				sum += v
			}
			for i := range x {
				if x[i] /= sum; !(sum > 0.5) {
					x[i] = 1 / float64(n)
				}
			}
			return x
		}
		h, a, c := scale(vector("h", 1)), scale(vector("a", 1)), vector("c", 0.3)
		f := Remainder(h, a, c)
		paid := 0.
		for i := range a {
			paid += c[i] * math.Abs(f*a[i]-h[i])
		}
		if !(f > 0 && f <= 1) || math.Abs(f+paid-1) > 1e-12 {
			t.Fatalf("%v is left after %v is paid", f, paid)
		}
	})
}

// The numbers of an observation are those of the periods before it.
func TestObserve(t *testing.T) {
	p := newProblem(t, nil)
	want := []string{"holding CASH", "holding A", "holding B", "holding C", "return A", "return B", "return C",
		"momentum A", "momentum B", "momentum C", "volatility A", "volatility B", "volatility C"}
	if !slices.Equal(p.Spec().ObsNames, want) {
		t.Errorf("%q", p.Spec().ObsNames)
	}
	log := func(x ...float64) []float64 {
		for i := range x {
			x[i] = math.Expm1(x[i])
		}
		return x
	}
	obs := make([]float64, p.Spec().ObsDim)
	// The first period is beyond the lookback.
	p.Observe([]float64{0.1, 0.2, 0.3, 0.4}, log(9, 9, 9, 0.1, 0, -0.1, 0.2, 0, 0.1, 0.3, 0, 0.3), obs)
	for i, x := range []float64{0.1, 0.2, 0.3, 0.4, 0.3, 0, 0.3, 0.2, 0, 0.1, math.Sqrt(0.02 / 3), 0, math.Sqrt(0.08 / 3)} {
		if math.Abs(obs[i]-x) > 1e-8 {
			t.Errorf("%s is %v, want %v", want[i], obs[i], x)
		}
	}
	if err := p.CheckObservation(obs); err != nil {
		t.Error(err)
	}
	obs[12] = -1
	if err := p.CheckObservation(obs); err == nil || !strings.Contains(err.Error(), "the volatility C is -1") {
		t.Error(err)
	}
	obs[0] = 0.7
	if err := p.CheckObservation(obs); err == nil || !strings.Contains(err.Error(), "add up to 1.6") {
		t.Error(err)
	}
}

// Nothing before a period knows of it: whatever it brings, observations and rewards before it
// are the same to the bit, and the next are not.
func TestNoLookAhead(t *testing.T) {
	p := newProblem(t, nil)
	a := []float64{0.1, 0.2, 0.3, 0.4}
	play := func(from int) (all [][]float64) {
		e, obs := p.New().(*Env), make([]float64, p.Spec().ObsDim)
		e.Reset(envs.EpisodeStream(1, 0), obs)
		for i := range e.path {
			if i >= 3*(p.cfg.Lookback+from) {
				e.path[i] += 0.25
			}
		}
		all = append(all, slices.Clone(obs))
		for range p.cfg.Decisions {
			reward, _ := e.Step(nil, a, obs)
			all = append(all, append(slices.Clone(obs), reward))
		}
		return all
	}
	own := play(p.cfg.Decisions)
	for from := range p.cfg.Decisions {
		shifted := play(from)
		for step := range own {
			if same := slices.Equal(own[step], shifted[step]); same != (step <= from) {
				t.Errorf("shifted from period %d on: what step %d sees is the same: %v", from, step, same)
			}
		}
	}
}

// Training in groups and resuming bit for bit stand on these.
func TestEnvironment(t *testing.T) {
	p := newProblem(t, nil)
	if err := envs.CheckSnapshots(p); err != nil {
		t.Error(err)
	}
	equal, err := envs.EqualWeights(p.Spec().Polytope)
	if err != nil {
		t.Fatal(err)
	}
	out, err := envs.Play(p, envs.Constant(equal), 50, 5, 1)
	if err != nil || out.Violations > 0 || out.Lengths[0] != 5 {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "market.json")
	data, err := newModel(t, marketmodel.Replay, 12).Marshal()
	if err == nil {
		err = os.WriteFile(file, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	polytope := func(d lp.Description) *lp.Polytope {
		p, err := lp.New(d)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for want, edit := range map[string]func(*Config){
		"model is empty":                  func(c *Config) { c.Model = "" },
		"cannot read the market model no": func(c *Config) { c.Model = "no" },
		"decisions is 0":                  func(c *Config) { c.Decisions = 0 },
		"a replay takes 16":               func(c *Config) { c.Decisions = 10 },
		"lookback is 1":                   func(c *Config) { c.Lookback = 1 },
		"cash_rate is 2":                  func(c *Config) { c.CashRate = 2 },
		`reward is "log": one of growth`:  func(c *Config) { c.Reward = "log" },
		"reward_weight is -1":             func(c *Config) { c.RewardWeight = -1 },
		"sharpe_rate is 0: a number":      func(c *Config) { c.SharpeRate = 0 },
		"have the same return in every": func(c *Config) {
			c.Reward, c.Polytope = Sharpe, polytope(lp.Description{Entities: []string{Cash}, Total: 1})
		},
		"features is [return, return]":   func(c *Config) { c.Features = []string{Return, Return} },
		`costs is "1": a number from 0`:  func(c *Config) { c.Costs = "1" },
		`costs is "{A: x}": A is "x"`:    func(c *Config) { c.Costs = "{A: x}" },
		"names D, which is no asset":     func(c *Config) { c.Costs = "{D: 0}" },
		"constraints; did you mean A?":   func(c *Config) { c.Costs = "{a: 0}" },
		"names CASH, which is no asset":  func(c *Config) { c.Costs = "{CASH: 0}" },
		"the constraints have D":         func(c *Config) { c.Polytope = polytope(Simplex([]string{"A", "D"})) },
		`borrow is "{A: 1}": A is "1"`:   func(c *Config) { c.Borrow = "{A: 1}" },
		`borrow is "{D: 0}": it names D`: func(c *Config) { c.Borrow = "{D: 0}" },
		"the lower bound of B is -1: without CASH": func(c *Config) {
			c.Polytope = polytope(lp.Description{Entities: []string{"A", "B"}, Total: 1, Lower: []float64{0, -1}, Upper: []float64{2, 1}})
		},
		"the constraints state no total": func(c *Config) { d := Simplex([]string{"A"}); d.Total = 2; c.Polytope = polytope(d) },
	} {
		c := DefaultConfig()
		c.Model, c.Decisions = file, 6
		edit(&c)
		if _, err := New(c); err == nil || !strings.HasPrefix(err.Error(), "market: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
