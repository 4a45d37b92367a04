// Package dd finds the generators of polyhedral cones by double description
// (Motzkin, Raiffa, Thompson and Thrall, The double description method, 1953),
// in floating point or in exact arithmetic.
package dd
