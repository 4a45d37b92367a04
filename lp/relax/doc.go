// Package relax finds the least amount by which limits that follow a state have to relax, so
// that some allocation of a polytope satisfies them: bounds (Program), or rows that count
// from what is held (Held). It is made for limits that change in every state and is far faster
// than a general linear program, lp.Polytope.Minimize.
package relax
