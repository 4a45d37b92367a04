// Package optima finds many optima over one polytope under its own limits, each from the
// vertex of the last, and proves them.
package optima
