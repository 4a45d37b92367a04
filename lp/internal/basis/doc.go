// Package basis solves small linear programs that share one matrix and one
// objective and differ in their right-hand sides and bounds alone:
//
//	min c . x   s.t.   A x + s = R,  0 <= x <= U,  0 <= s <= U.
//
// Whether a basis is dual feasible does not depend on R and U. So a basis that
// was optimal once proves optimality wherever it is primal feasible (Gal,
// Postoptimal Analyses, Parametric Programming and Related Topics, 1995).
package basis
