// Package blas multiplies the small matrices of the networks and holds the
// vector loops beside them. In float32 it runs C compiled for the instruction
// sets at hand; in float64, which only checks of gradients use, and without
// cgo, portable Go.
//
// Network is a whole policy: one call of C computes the gradient of a minibatch, or draws
// for one head. kernels_layer.h has a layer and its gradients, kernels_policy.h the passes,
// kernels_beta.h the distributions, kernels_draw.h their draws. It needs cgo.
//
// A row of a result is computed from its row of the left factor by the same
// operations in the same order whatever the other rows are and however many:
// an action depends neither on the batch that it is sampled in nor on the
// minibatch that it is learned in.
package blas
