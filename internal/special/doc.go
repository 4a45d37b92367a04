// Package special holds the special functions of the Beta distribution in
// float64, accurate over shapes from 1e-3 to 1e5 and beyond. Policies that
// approach a vertex of their polytope get there, and log-Gamma differences lose
// everything to cancellation on the way.
package special
