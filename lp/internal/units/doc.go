// Package units chooses units for the numbers of a polytope, in which all sizes are about 1
// so that a tolerance means the same of every polytope.
package units
