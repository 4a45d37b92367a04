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

func named(t *testing.T, name string) envs.Problem {
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
	for _, name := range builtin() {
		s := named(t, name).Spec()
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
		{func(c *Config) { c.Name, c.Compute.QueueHalf = compute.CappedName, -1 }, "compute.queue_half is -1"},
		{func(c *Config) { c.Name = "compute-limited" }, "portfolio-limited, compute-capped, channels, factor are allowed"},
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
	if got := named(t, portfolio.LimitedName).Spec().Name; got != portfolio.LimitedName {
		t.Errorf("name %q", got)
	}
	if got := named(t, compute.CappedName).Spec().Name; got != compute.CappedName {
		t.Errorf("name %q", got)
	}
}
