// Package policy defines the autoregressive policy of PASPO: what a backend does, what
// it is asked for and what it returns, its sizes, the state that it can be saved as, and
// the normaliser of observations.
//
// The Beta distribution is in policy/dist, the de-biased start in policy/debias; the
// backends are policy/cpu and policy/gpu.
package policy
