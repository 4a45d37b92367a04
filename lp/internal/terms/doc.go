// Package terms holds convex terms of rows in numbers: what they come to, and the polytope
// without terms that they make of one.
package terms
