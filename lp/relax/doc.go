// Package relax finds the least amount by which bounds that follow a state have to relax, so
// that some allocation of a polytope satisfies them. It is made for bounds that change in
// every state and is far faster than a general linear program, lp.Polytope.Minimize.
package relax
