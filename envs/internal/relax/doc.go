// Package relax holds bounds that follow the state of an environment. Where they and
// the constraints of its polytope leave nothing, they are relaxed by the least amount
// that does.
package relax
