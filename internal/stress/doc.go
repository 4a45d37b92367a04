// Package stress draws polytopes that are large, thin, degenerate or badly scaled,
// and judges what solvers answer on them. It has a judge of its own beside that of
// lp/internal/lptest, which starts from the polytope that package lp made: Truth starts from
// the description alone, so that it also finds what lp.New got wrong.
package stress
