package market

import (
	"errors"
	"math"
	"slices"
)

// These are the rewards of a period in which the wealth grows by the factor g, after costs, with
// R = g - 1. weight is the setting reward_weight. Equal weights have their moments over the periods
// of the model.
const (
	// Growth is log g.
	Growth = "growth"

	// MeanVariance is R - weight/2 R^2, whose mean is mean-variance utility for returns that
	// are small (Ritter, Machine learning for trading, Risk 30, 2017).
	MeanVariance = "mean-variance"

	// CVaR is log g - weight max(0, -R - v) / 0.05, with v the value at risk of equal weights.
	// For any v, v + E max(0, -R - v) / 0.05 is at least the conditional value at risk of R at 5 %,
	// and equals it at R's own value at risk (Rockafellar and Uryasev, J. Risk 2, 2000).
	CVaR = "cvar"

	// Drawdown is log g - weight D, with D = 1 - W / max W the drawdown of the wealth W after
	// the period from its top since the episode began. The mean of D is the average drawdown of
	// Chekhlov, Uryasev and Zabarankin (Int. J. Theor. Appl. Finance 8, 2005).
	Drawdown = "drawdown"

	// Sharpe is the differential Sharpe ratio (Moody and Saffell, IEEE Trans. Neural Networks
	// 12, 2001), the derivative by the rate of the Sharpe ratio of moving averages A
	// of R and B of R^2:
	//
	//	(B (R - A) - A (R^2 - B) / 2) / (B - A^2)^(3/2),
	//
	// after which A and B go on by sharpe_rate of R - A and R^2 - B. They begin every episode at the
	// moments of equal weights.
	Sharpe = "sharpe"
)

const tail = 0.05 // of the conditional value at risk

// Rewards returns the names of the rewards.
func Rewards() []string { return []string{Growth, MeanVariance, CVaR, Drawdown, Sharpe} }

// score computes rewards.
type score struct {
	reward       string
	weight, rate float64
	atRisk       float64 // v of CVaR
	begin        memory
}

// memory is what rewards of an episode remember, which observations do not say: of Drawdown
// logarithms of the wealth and of its top, of Sharpe A and B.
type memory [2]float64

// remembers says whether rewards depend on memory.
func (s *score) remembers() bool { return s.reward == Drawdown || s.reward == Sharpe }

// newScore returns what computes the rewards of a configuration, given returns of equal weights.
func newScore(c Config, equal []float64) (s score, err error) {
	s = score{reward: c.Reward, weight: c.RewardWeight, rate: c.SharpeRate}
	switch s.reward {
	case CVaR:
		sorted := slices.Sorted(slices.Values(equal))
		s.atRisk = -sorted[max(1, int(tail*float64(len(sorted))))-1]
	case Sharpe:
		for _, r := range equal {
			s.begin[0] += r / float64(len(equal))
			s.begin[1] += r * r / float64(len(equal))
		}
		if a, b := s.begin[0], s.begin[1]; !(b-a*a > 1e-12*b) {
			err = errors.New("reward is sharpe, and equal weights of the market model have the same return in every period: returns that vary are needed")
		}
	}
	return s, err
}

// of returns the reward of a period in which the wealth grows by g.
func (s *score) of(m *memory, g float64) float64 {
	r := g - 1
	switch s.reward {
	case MeanVariance:
		return r - s.weight/2*r*r
	case CVaR:
		return math.Log(g) - s.weight*max(0, -r-s.atRisk)/tail
	case Drawdown:
		m[0] += math.Log(g)
		m[1] = max(m[1], m[0])
		return math.Log(g) + s.weight*math.Expm1(m[0]-m[1])
	case Sharpe:
		a, b := m[0], m[1]
		da, db := r-a, r*r-b
		m[0], m[1] = a+s.rate*da, b+s.rate*db
		return (b*da - a*db/2) / math.Pow(b-a*a, 1.5)
	}
	return math.Log(g)
}

// describe says for people what the reward is.
func (s *score) describe() string {
	const growth = "logarithm of the growth of the wealth, after costs"
	switch s.reward {
	case MeanVariance:
		return "return of the wealth after costs, less half its square times reward_weight"
	case CVaR:
		return growth + ", less the loss beyond the value at risk of equal weights at 5 %, over 0.05 and times reward_weight"
	case Drawdown:
		return growth + ", less the drawdown times reward_weight"
	case Sharpe:
		return "differential Sharpe ratio of the return of the wealth after costs"
	}
	return growth
}
