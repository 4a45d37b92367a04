// Package stress draws polytopes that are large, thin, degenerate or badly scaled,
// and judges what solvers answer on them.
package stress
