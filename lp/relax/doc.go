// Package relax finds the least amount by which limits have to relax, so that some allocation
// satisfies them: bounds that follow a state (Program), rows that count from what is held in a state
// (Held), or all limits of a description (Least). The first two are asked in every state and are far
// faster than a general linear program, lp.Polytope.Minimize, which Least takes.
package relax
