// Package interval computes the intervals of a polytope's entities. New takes the first
// method that can, and ladder.go is the rule of who answers what.
//
// # Which method answers what
//
// The closed form (method explicit) answers the polytope's own limits, and other
// right-hand sides, totals and lower bounds where Compiled.AnyLimits says so; other
// caps where the polytope has a cap on the same entity. It passes everything else to
// warm-start bases (method lazy), which also serve polytopes beyond its budget. They pass
// what they cannot prove to CLP. Where rows have convex terms, and neither the closed
// form nor CLP is the method, columns go first (method simplex): a dual simplex in which an
// entity under abs is split in two columns. Method auto takes them in place of the closed form
// where holdings move the terms. Describe names the first method and the one
// behind it, WarmStarts tells how often a warm-start basis served.
//
// What no warm-start basis proves is searched for by a dual simplex with bounds
// (lp/internal/basis), which starts at a basis of the same matrix. It answers what
// CLP answers on every test of this package, in 1/13 of its processor time and less
// with one basis for an endpoint (BenchmarkOneBasis).
//
// # Hulls without facets
//
// Where the hull of points has too many facets (Polytope.HullOnly) its intervals come
// from warm-start bases over the weights of the points: 10 entities of 60 points take some
// 0.9 ms an action with endpoints of intervals among the choices, CLP 50 ms
// (BenchmarkHullChains). A residual takes 10 us inside (BenchmarkHullResidual). Limits
// that follow the state are answered by CLP alone.
//
// # Matrices that follow the state
//
// Limits.A replaces the matrix of a state's inequalities. Where bases serve, such rows
// are answered by the same simplex, each from a program of its own whose basis goes
// on from one entity to the next (13 entities and 5 rows: 0.03 ms an action where CLP
// takes 4, BenchmarkStateMatrix), beside rows of the same batch that are answered as
// ever. What it cannot prove, and all of it under method clp, goes to the pool of CLP,
// each row with a model of its own. A matrix that serves hundreds of actions may have a
// Solver: lp.New and the closed form take some 2 ms for it, warm-start bases 5 ms.
package interval
