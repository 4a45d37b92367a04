package portfolio

import "math"

// Filter tells what a history of returns says about the month to come.
// With B(s) the probability of state s before a month is seen,
//
//	B(s)  <-  sum_q B(q) N(r; mean_q, cov_q) T(q, s) / sum_q B(q) N(r; mean_q, cov_q),
//
// the forward recursion of Rabiner (1989), section III. Its first month is the
// one that the first observation of an episode carries.
type Filter struct {
	market           *Market
	ahead, posterior []float64
	scratch          []float64
}

// NewFilter returns a filter that has seen nothing.
func (m *Market) NewFilter() *Filter {
	f := &Filter{
		market: m,
		ahead:  make([]float64, m.States()), posterior: make([]float64, m.States()),
		scratch: make([]float64, len(m.assets)),
	}
	f.Reset()
	return f
}

// Reset forgets the history.
func (f *Filter) Reset() { copy(f.ahead, f.market.start) }

// Observe adds a month's returns, one an asset, to the history.
func (f *Filter) Observe(returns []float64) {
	if len(returns) != len(f.scratch) {
		panic(badReturns)
	}
	// Logarithms, since 12 assets in an unlikely month underflow.
	largest := math.Inf(-1)
	for s, p := range f.ahead {
		f.posterior[s] = math.Log(p) + f.market.logDensity(s, returns, f.scratch)
		largest = max(largest, f.posterior[s])
	}
	var sum float64
	for s, x := range f.posterior {
		f.posterior[s] = math.Exp(x - largest)
		sum += f.posterior[s]
	}
	for s := range f.posterior {
		f.posterior[s] /= sum
	}
	f.market.propagate(f.ahead, f.posterior)
}

// Ahead returns the probabilities of the hidden states in the month to come.
// The slice is valid until the next call of a method.
func (f *Filter) Ahead() []float64 { return f.ahead }

// Expected writes the expected returns of the month to come, one an asset.
func (f *Filter) Expected(dst []float64) {
	if len(dst) != len(f.scratch) {
		panic(badReturns)
	}
	f.market.mix(dst, f.ahead)
}

const badReturns = "portfolio: the number of returns is not the number of assets"
