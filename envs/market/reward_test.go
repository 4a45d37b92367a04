package market

import (
	"math"
	"math/rand/v2"
	"testing"

	"paspo/envs"
	"paspo/internal/rng"
)

// rewards returns the reward of every period in which wealth grows by growth, while equal
// weights have had the returns equal.
func rewards(t *testing.T, c Config, equal, growth []float64) (all []float64) {
	t.Helper()
	s, err := newScore(c, equal)
	if err != nil {
		t.Fatal(err)
	}
	m := s.begin
	for _, g := range growth {
		all = append(all, s.of(&m, g))
	}
	return all
}

// Rewards of hand-made growth, computed by hand. Equal weights lose 20, 10, .. of 40 periods:
// their value at risk at 5 % is the second largest loss. Their mean return is 0.01 and their
// mean square 0.0005 where that is asked for.
func TestRewardsByHand(t *testing.T) {
	equal := make([]float64, 40)
	equal[7], equal[30], equal[31] = -0.2, -0.1, -0.05
	moments := []float64{0.03, -0.01}
	for _, test := range []struct {
		reward       string
		weight       float64
		equal        []float64
		growth, want []float64
	}{
		{Growth, 9, equal, []float64{1.1, 0.5}, []float64{math.Log(1.1), math.Log(0.5)}},
		{MeanVariance, 4, equal, []float64{1.1, 0.8}, []float64{0.1 - 2*0.01, -0.2 - 2*0.04}},
		{CVaR, 0.5, equal, []float64{1.1, 0.91, 0.8}, []float64{math.Log(1.1), math.Log(0.91), math.Log(0.8) - 0.5*0.1/0.05}},
		// The wealth is 0.9, 1.08, 0.54, 0.648 and 1.296; its top 1, 1.08, 1.08, 1.08 and 1.296.
		{Drawdown, 2, equal, []float64{0.9, 1.2, 0.5, 1.2, 2}, []float64{
			math.Log(0.9) - 2*0.1, math.Log(1.2), math.Log(0.5) - 2*0.5, math.Log(1.2) - 2*0.4, math.Log(2),
		}},
		// A = 0.01 and B = 0.0005: (0.0005 0.02 - 0.01 0.0004 / 2) / 0.0004^1.5 = 8e-6 / 8e-6. At a
		// rate of a half, A = 0.02 and B = 0.0007 then: (0.0007 -0.02 + 0.02 0.0007 / 2) / 0.0003^1.5.
		{Sharpe, 9, moments, []float64{1.03, 1}, []float64{1, -7e-6 / math.Pow(0.0003, 1.5)}},
	} {
		got := rewards(t, Config{Reward: test.reward, RewardWeight: test.weight, SharpeRate: 0.5}, test.equal, test.growth)
		for i, want := range test.want {
			if math.Abs(got[i]-want) > 1e-9*(1+math.Abs(want)) {
				t.Errorf("%s of period %d is %v, want %v", test.reward, i, got[i], want)
			}
		}
	}
}

// The penalty of cvar is the conditional value at risk where the value at risk is the
// policy's own, and bounds it where it is another's.
func TestCVaRBounds(t *testing.T) {
	r := rand.New(rng.New(3, "cvar"))
	const n = 400
	own, other, growth := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range own {
		own[i], other[i] = 0.05*r.NormFloat64(), 0.03*r.NormFloat64()
		growth[i] = 1 + own[i]
	}
	bound := func(equal []float64) float64 {
		s, err := newScore(Config{Reward: CVaR, RewardWeight: 1}, equal)
		if err != nil {
			t.Fatal(err)
		}
		sum := s.atRisk
		for _, g := range growth {
			sum += (math.Log(g) - s.of(&memory{}, g)) / n
		}
		return sum
	}
	worst := 0.
	for range n / 20 {
		at := 0
		for i, x := range own {
			if x < own[at] {
				at = i
			}
		}
		worst -= own[at] / (n / 20)
		own[at] = 1
	}
	for i, g := range growth {
		own[i] = g - 1
	}
	if got := bound(own); math.Abs(got-worst) > 1e-12 {
		t.Errorf("at its own value at risk the bound is %v, the mean of the worst twentieth %v", got, worst)
	}
	if got := bound(other); got < worst {
		t.Errorf("the bound is %v, below %v", got, worst)
	}
}

// The differential Sharpe ratio is the derivative of the Sharpe ratio by the rate at 0.
func TestSharpeIsDerivative(t *testing.T) {
	s := score{reward: Sharpe, rate: 0.1}
	for _, r := range []float64{-0.1, 0, 0.02, 0.3} {
		a, b := 0.01, 0.002
		ratio := func(rate float64) float64 {
			a, b := a+rate*(r-a), b+rate*(r*r-b)
			return a / math.Sqrt(b-a*a)
		}
		const h = 1e-6
		want := (ratio(h) - ratio(-h)) / (2 * h)
		if got := s.of(&memory{a, b}, 1+r); math.Abs(got-want) > 1e-6*(1+math.Abs(want)) {
			t.Errorf("return %v: %v, the derivative is %v", r, got, want)
		}
	}
}

// Copies of the environment give these rewards of the growth they come from, go on from
// snapshots, and remember nothing of the episode before.
func TestRewardsOfEpisodes(t *testing.T) {
	for _, reward := range Rewards() {
		p := newProblem(t, func(c *Config) { c.Reward, c.RewardWeight, c.SharpeRate = reward, 3, 0.2 })
		if err := envs.CheckSnapshots(p); err != nil {
			t.Errorf("%s: %v", reward, err)
		}
		e := p.new()
		obs, a := make([]float64, p.Spec().ObsDim), []float64{0.1, 0.5, 0.2, 0.2}
		r := rand.New(rng.New(4, "episodes"))
		for range 3 {
			e.Reset(r, obs)
			m := p.score.begin
			for done := false; !done; {
				h := append([]float64(nil), e.holdings...)
				left, growth := p.Grow(h, a, e.path[len(e.seen()):])
				want := p.score.of(&m, left*growth)
				var got float64
				if got, done = e.Step(nil, a, obs); got != want {
					t.Fatalf("%s is %v, want %v", reward, got, want)
				}
			}
		}
	}
}
