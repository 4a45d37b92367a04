// Package dictionary maximises many linear objectives over one polyhedron,
//
//	max c . x   s.t.   g_k . x <= h_k,   lo_j <= x_j <= hi_j,
//
// whose rows may be added one by one. Every basic variable is kept as an affine
// function of those that are at a bound at the present vertex (Chvatal, Linear
// Programming, 1983, chapters 2 and 8), so that the next objective starts from the
// last optimum.
//
// It works in floating point and decides nothing by itself: the points and the
// multipliers it finds are candidates of a certificate that the caller checks.
package dictionary
