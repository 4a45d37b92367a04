// Package portfolio is the portfolio benchmark: once a month wealth is allocated
// over cash and the assets of a market that follows a hidden Markov model. With a
// trading limit, allocations stay near the drifted holdings. The package has what
// trained policies are compared with too, up to the optimum where trading is free.
package portfolio
