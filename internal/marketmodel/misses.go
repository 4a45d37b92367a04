package marketmodel

import (
	"math"
	"math/rand/v2"
	"slices"

	"paspo/internal/rng"
	"paspo/internal/stats"
)

// Statistic is one of the data, and of paths of the model that are as long.
type Statistic struct {
	Name string  `json:"name"`
	Data float64 `json:"data"`

	// The median over paths of the model, and where nine of ten are.
	Model float64 `json:"model"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Misses says whether the model does not have what the data have: whether they are outside of
// nine of ten paths.
func (s Statistic) Misses() bool { return s.Data < s.Low || s.Data > s.High }

// Misses compares the data with paths of the model.
func (m *Model) Misses(paths int, seed uint64) []Statistic {
	n := len(m.assets)
	flat := make([]float64, 0, len(m.returns)*n)
	for _, row := range m.returns {
		flat = append(flat, row...)
	}
	data := m.measure(flat)
	drawn := make([][]float64, len(data))
	root := rng.New(seed, "market", "misses")
	for p := range paths {
		m.Draw(rand.New(root.Split(uint64(p))), flat)
		for k, x := range m.measure(flat) {
			drawn[k] = append(drawn[k], x)
		}
	}
	all := make([]Statistic, len(data))
	for k, x := range data {
		slices.Sort(drawn[k])
		at := func(q float64) float64 { return drawn[k][int(q*float64(paths-1)+0.5)] }
		all[k] = Statistic{names[k], x, at(0.5), at(0.05), at(0.95)}
	}
	return all
}

var names = []string{
	"mean logarithmic return of equal weights", "deviation of equal weights",
	"autocorrelation of returns, lag 1", "autocorrelation of |returns|, lag 1", "excess kurtosis of returns",
	"worst period of equal weights", "largest drawdown of equal weights",
}

// measure returns the statistics of a path, periods x assets: of returns in the mean over the
// assets, and of equal weights that are restored every period.
func (m *Model) measure(path []float64) []float64 {
	n := len(m.assets)
	periods := len(path) / n
	equal := make([]float64, periods)
	var lag, lagAbs, kurtosis float64
	series, size := make([]float64, periods), make([]float64, periods)
	for i := range n {
		for t := range periods {
			x := math.Log1p(path[t*n+i])
			series[t] = x
			equal[t] += path[t*n+i] / float64(n)
		}
		mean := stats.Of(series).Mean
		for t, x := range series {
			size[t] = math.Abs(x - mean)
		}
		lag += autocorrelation(series) / float64(n)
		lagAbs += autocorrelation(size) / float64(n)
		kurtosis += excess(series) / float64(n)
	}
	worst, wealth, top, drawdown := math.Inf(1), 0., 0., 0.
	for t, x := range equal {
		equal[t] = math.Log1p(x)
		worst = min(worst, x)
		wealth += equal[t]
		top = max(top, wealth)
		drawdown = max(drawdown, -math.Expm1(wealth-top))
	}
	of := stats.Of(equal)
	return []float64{of.Mean, of.Deviation(), lag, lagAbs, kurtosis, worst, drawdown}
}

// autocorrelation returns that of lag 1, 0 of a constant.
func autocorrelation(xs []float64) float64 {
	m := stats.Of(xs)
	if m.M2 == 0 {
		return 0
	}
	s := 0.
	for t := 1; t < len(xs); t++ {
		s += (xs[t] - m.Mean) * (xs[t-1] - m.Mean)
	}
	return s / m.M2
}

// excess returns the kurtosis beyond that of a Gaussian, 0 of a constant.
func excess(xs []float64) float64 {
	m := stats.Of(xs)
	if m.M2 == 0 {
		return 0
	}
	s := 0.
	for _, x := range xs {
		s += math.Pow(x-m.Mean, 4)
	}
	return m.N*s/(m.M2*m.M2) - 3
}
