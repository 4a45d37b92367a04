package portfolio

import "math"

// filter tells what a history of returns says about the month to come.
// With B(s) the probability of state s before a month is seen,
//
//	B(s)  <-  sum_q B(q) N(r; mean_q, cov_q) T(q, s) / sum_q B(q) N(r; mean_q, cov_q),
//
// the forward recursion of Rabiner (1989), section III. Its first month is the
// one that the first observation of an episode carries.
type filter struct {
	market    *market
	ahead     []float64 // the probabilities of the hidden states in the month to come
	posterior []float64
	scratch   []float64
}

// newFilter returns a filter that has seen nothing.
func (m *market) newFilter() *filter {
	f := &filter{
		market: m,
		ahead:  make([]float64, m.states()), posterior: make([]float64, m.states()),
		scratch: make([]float64, len(m.assets)),
	}
	f.reset()
	return f
}

// reset forgets the history.
func (f *filter) reset() { copy(f.ahead, f.market.start) }

// observe adds a month's returns, one an asset, to the history.
func (f *filter) observe(returns []float64) {
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

// expected writes the expected returns of the month to come, one an asset.
func (f *filter) expected(dst []float64) {
	if len(dst) != len(f.scratch) {
		panic(badReturns)
	}
	f.market.mix(dst, f.ahead)
}

const badReturns = "portfolio: the number of returns is not the number of assets"
