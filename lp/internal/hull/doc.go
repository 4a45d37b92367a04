// Package hull holds convex hulls of points: their affine hull and facets, by double
// description, and, where the facets are too many to find, walks from facet to facet
// that say where a ray ends.
package hull
