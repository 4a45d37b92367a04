// Package spec reads the file of a sweep: which settings are trained over which seeds, what they
// are compared by, and which configurations that makes.
package spec
