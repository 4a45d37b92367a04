// Package pieces evaluates both endpoints of an interval for a batch of rows from affine pieces w,
//
//	lo = base + max(0, max_p w_p . rho),   hi = base + min_q w_q . rho.
//
// It runs C compiled for the instruction sets at hand, or portable Go. Both
// multiply and add in the same order and round after each, without fused
// operations: results do not depend on the machine, the batch or the path.
package pieces
