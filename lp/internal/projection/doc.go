// Package projection finds the point of a polytope that is closest to another.
package projection
