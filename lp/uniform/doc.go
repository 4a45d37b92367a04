// Package uniform draws points uniformly from a polytope, by rejection while that accepts
// a fair share of its proposals and by hit-and-run otherwise, and estimates which share of
// the simplex a polytope covers.
package uniform
