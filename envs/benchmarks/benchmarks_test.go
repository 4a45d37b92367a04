package benchmarks

import (
	"math"
	"slices"
	"strings"
	"testing"

	"paspo/envs"
	"paspo/envs/compute"
	"paspo/envs/portfolio"
)

func problem(t *testing.T, name string) envs.Problem {
	t.Helper()
	c := DefaultConfig()
	c.Name = name
	p, err := New(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// All say what they are.
func TestWords(t *testing.T) {
	for _, name := range AllNames() {
		s := problem(t, name).Spec()
		if s.Reward == "" || s.Episode == "" || len(s.ObsNames) != s.ObsDim || slices.Contains(s.ObsNames, "") {
			t.Errorf("%s: reward %q, episode %q, observation %q", name, s.Reward, s.Episode, s.ObsNames)
		}
	}
}

func TestLimitSettings(t *testing.T) {
	for _, test := range []struct {
		edit func(*Config)
		want string
	}{
		{func(c *Config) { c.Name, c.Portfolio.TradeLimit = "portfolio", -1 }, "portfolio.trade_limit is -1"},
		{func(c *Config) { c.Name, c.Portfolio.TradeLimit = portfolio.LimitedName, math.NaN() }, "portfolio.trade_limit is NaN"},
		{func(c *Config) { c.Name, c.Portfolio.CashLimit = portfolio.LimitedName, 2 }, "portfolio.cash_limit is 2"},
		{func(c *Config) { c.Portfolio.CashLimit = 0.1 }, "without a trade_limit"},
		{func(c *Config) { c.Portfolio.Penalty = -1 }, "portfolio.penalty is -1"},
		{func(c *Config) { c.Name, c.Compute.Penalty = "compute", math.Inf(1) }, "compute.penalty is +Inf"},
		{func(c *Config) { c.Name, c.Compute.QueueHalf = compute.CappedName, -1 }, "compute.queue_half is -1"},
		{func(c *Config) { c.Name = "compute-limited" }, strings.Join(AllNames(), ", ") + " are allowed"},
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
	if got := problem(t, portfolio.LimitedName).Spec().Name; got != portfolio.LimitedName {
		t.Errorf("name %q", got)
	}
	if got := problem(t, compute.CappedName).Spec().Name; got != compute.CappedName {
		t.Errorf("name %q", got)
	}
}

// Observations of episodes pass, and what no state gives is refused.
func TestCheckObservation(t *testing.T) {
	cash := append([]float64{100, 1}, make([]float64, 25)...)
	for _, c := range []struct {
		name string
		at   int // of the change
		to   float64
		want string
	}{
		{"portfolio", 1, 65, "the holdings add up to 65"},
		{"portfolio", 2, -0.1, "the holding of MSFT is -0.1"},
		{"portfolio", 15, -1.5, "the return of MSFT is -1.5"},
		{portfolio.LimitedName, 1, 0.5, "the holdings add up to 0.5"},
		{"compute", 0, -1, "server 0"},
		{compute.CappedName, 20, -1, "queue (ms) of the observation is -1"},
		{"synthetic", 1, 1, "2 components of the observation are 1"},
		{"synthetic", 0, 0.5, "component 0 of the observation is 0.5"},
	} {
		p := problem(t, c.name)
		check := p.(envs.ObservationChecker).CheckObservation
		uniform, err := envs.Uniform(p.Spec().Polytope, 1)
		if err != nil {
			t.Fatal(err)
		}
		within := envs.Within(p.Spec().Polytope, uniform)
		seen := 0
		if _, err := envs.Play(p, func(s *envs.States, actions []float64) error {
			for r := range s.Rows {
				dim := p.Spec().ObsDim
				seen++
				if err := check(s.Obs[r*dim : (r+1)*dim]); err != nil {
					t.Fatalf("%s: %v", c.name, err)
				}
			}
			return within(s, actions)
		}, 20, 1000, 1); err != nil || seen < 20 {
			t.Fatal(seen, err)
		}
		obs := make([]float64, p.Spec().ObsDim)
		if strings.HasPrefix(c.name, "portfolio") {
			copy(obs, cash)
		} else if c.name == "synthetic" {
			obs[0] = 1
		}
		if err := check(obs); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		obs[c.at] = c.to
		if c.name == "portfolio" && c.at == 2 {
			obs[1] = 1.1
		}
		if err := check(obs); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}
