// Package lp holds polytopes of allocations: what belongs to them and how far off the rest
// is, projections, least values, conflicts of limits, and the exact interval of an entity.
//
// Solver and Chain say what a way to compute intervals does, and their errors. Package
// interval below has the ways there are.
//
// Names, descriptions and errors are here. What takes the numbers of a polytope alone is in
// internal: forms and programs, units, optima, convex terms, hulls of points, projections.
package lp
