// Package ops holds the operations that the training graph is made of. They
// implement gorgonia.Op and gorgonia.SDOp, so that gorgonia.Grad differentiates
// graphs of them, and each does the work of many elementary ones.
//
// An op names what it computes by its Kind and Attrs, which with the shapes of
// its inputs is all that another machine needs to run the same graph. On the
// CPU an op owns the buffer of its result: a run allocates nothing.
//
// The ops exist in float32, of which devices plan their launches, and in float64, in
// which their gradients and those of package blas are checked.
package ops
