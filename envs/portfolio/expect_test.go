package portfolio

import (
	"math"
	"testing"

	"paspo/envs"
	"paspo/internal/long"
)

// The sum of expected rewards has the mean of the return and less variance, whatever the
// policy; its largest is that of the optimum on every episode. Episodes of the environment
// and their paths are the same ones.
func TestExpectation(t *testing.T) {
	long.Test(t)
	for name, change := range map[string]func(*Config){
		"free": nil, "costs": func(c *Config) { c.Spread = 0.01 }, "limited": func(c *Config) { c.TradeLimit = 0.05 },
		"presampled": func(c *Config) { c.Mode, c.Trajectories = Presampled, 2000 },
	} {
		p := newPortfolio(t, change)
		const episodes = 1500
		paths := p.EpisodePaths(episodes, 3, "curve")
		bound, err := p.UpperBound(paths)
		if err != nil {
			t.Fatal(err)
		}
		base, err := p.References(1)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range []envs.Reference{base[0], base[len(base)-1]} {
			if p.trading != nil && b.Name == "myopic" {
				continue // a linear program a month
			}
			out, err := envs.Play(p, b.Allocator, episodes, 13, 3, "curve")
			if err != nil {
				t.Fatal(err)
			}
			noise := make([]float64, episodes)
			for i, x := range out.Expected {
				noise[i] = out.Returns[i] - x
				if x > bound[i]+1e-9 {
					t.Fatalf("%s, %s: episode %d expects %v, above the bound %v", name, b.Name, i, x, bound[i])
				}
			}
			bias, biasErr := envs.MeanAndError(noise)
			_, before := envs.MeanAndError(out.Returns)
			m, after := envs.MeanAndError(out.Estimates())
			t.Logf("%s, %s: %.4f, standard error %.4f, of returns %.4f", name, b.Name, m, after, before)
			if math.Abs(bias) > 4*biasErr || !(after < before/2) {
				t.Errorf("%s, %s: off by %g +- %g; standard error %g, of returns %g", name, b.Name, bias, biasErr, after, before)
			}
			again, err := p.PlayPaths(paths, b.Allocator)
			if err != nil {
				t.Fatal(err)
			}
			for i, x := range again.Expected {
				if x != out.Expected[i] || again.Returns[i] != out.Returns[i] {
					t.Fatalf("%s, %s: episode %d is not its path", name, b.Name, i)
				}
			}
		}
	}
	p := newPortfolio(t, func(c *Config) { c.Mode = Backtest })
	out, err := envs.Play(p, envs.Constant(equalShares(13)), 2, 13, 3)
	if err != nil || out.Expected != nil {
		t.Errorf("months that are known have expectations: %v, error %v", out, err)
	}
}

func equalShares(n int) []float64 {
	a := make([]float64, n)
	for i := range a {
		a[i] = 1 / float64(n)
	}
	return a
}
