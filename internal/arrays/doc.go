// Package arrays answers other programs, such as the Python package, what they ask of a polytope.
// A request is a line of JSON with a batch of numbers after it, and so is an answer.
package arrays
