// Package lp holds polytopes of allocations, the intervals of their entities,
// and uniform sampling in them.
//
// # Which solver answers what
//
// The closed form (method explicit) answers the polytope's own limits, and other
// right-hand sides, totals and lower bounds where Compiled.AnyLimits says so; other
// caps where the polytope has a cap on the same entity. What it leaves, and
// polytopes beyond its budget, go to kept bases (method lazy), and what these cannot
// prove to CLP. Describe names the two that a problem meets, KeptBases tells how
// often a kept basis served.
//
// What no kept basis proves is searched for by a dual simplex with bounds
// (lp/internal/basis), which starts at a basis of the same matrix. It answers what
// CLP answers on every test of this package. With one basis kept for an end, chains
// took 1/114 (portfolio), 1/17 (compute), 1/20 (portfolio with caps of 0.2), 1/8 (20
// entities, 10 rows, caps), 1/6 (50 entities, 10 rows, caps) and 1/4 (28 points of 7
// entities) of CLP's processor time (BenchmarkOneBasis).
//
// # Matrices that follow the state
//
// Limits.A replaces the matrix of a state's inequalities. Such rows are answered
// by the pool of CLP, each from a model of its own (13 entities and 5 rows: some
// 14 ms an action), beside rows of the same batch that are answered as ever. Where a
// matrix serves many actions, a Solver of its own is faster: New and the closed form
// take some 2 ms for it, kept bases 5 ms.
package lp
