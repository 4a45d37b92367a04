// Package blas multiplies the small matrices of the networks and holds the
// vector loops beside them. In float32 it runs C compiled for the instruction
// sets at hand; in float64, which only checks of gradients use, and without
// cgo, portable Go.
//
// A row of a result is computed from its row of the left factor by the same
// operations in the same order whatever the other rows are and however many:
// an action depends neither on the batch that it is sampled in nor on the
// minibatch that it is learned in.
package blas
