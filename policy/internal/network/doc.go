// Package network holds what the backends of PASPO's policy share: the layout of the
// parameters, their initial values, the graph of a gradient step, and checks of batches,
// minibatches and states.
package network
