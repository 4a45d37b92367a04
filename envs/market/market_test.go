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
// what it leaves, 10 000 / 1.005 = 9 950.25: 49.75. A gains a tenth, so that the wealth is
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

// What is left pays exactly for the trades that lead to the allocation of it.
func TestRemainder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "n")
		vector := func(name string, most float64) []float64 {
			return rapid.SliceOfN(rapid.Float64Range(0, most), n, n).Draw(t, name)
		}
		scale := func(x []float64) []float64 {
			sum := 0.
			for _, v := range x {
				sum += v
			}
			for i := range x {
				if x[i] /= sum; sum == 0 {
					x[i] = 1 / float64(n)
				}
			}
			return x
		}
		h, a, c := scale(vector("h", 1)), scale(vector("a", 1)), vector("c", 0.9)
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
		"features is [return, return]":    func(c *Config) { c.Features = []string{Return, Return} },
		`costs is "1": a number from 0`:   func(c *Config) { c.Costs = "1" },
		`costs is "{A: x}": A is "x"`:     func(c *Config) { c.Costs = "{A: x}" },
		"names D, which is no asset":      func(c *Config) { c.Costs = "{D: 0}" },
		"names CASH, which is no asset":   func(c *Config) { c.Costs = "{CASH: 0}" },
		"the constraints have D":          func(c *Config) { c.Polytope = polytope(Simplex([]string{"A", "D"})) },
		"the lower bound of A is -1":      func(c *Config) { d := Simplex([]string{"A"}); d.Lower = []float64{0, -1}; c.Polytope = polytope(d) },
		"the constraint trade counts from what is held": func(c *Config) {
			d := Simplex([]string{"A"})
			d.Rows = []lp.Row{{Name: "trade", Max: 1, Coef: []float64{0, 0}, Min: math.Inf(-1), Terms: []lp.Term{{Entity: 1, Above: 1, Below: 1, Holding: true}}}}
			c.Polytope = polytope(d)
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
