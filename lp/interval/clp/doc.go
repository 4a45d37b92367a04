// Package clp answers all intervals, by linear programs that a pool of goroutines has CLP
// solve, and in rational arithmetic where CLP does not prove its answer. Other methods are
// held to it, and hand over to it.
package clp
