// Package network holds what the backends of a policy share: where parameters lie, their
// initial values, the graph of a gradient step, and the checks of what a backend is asked.
package network
