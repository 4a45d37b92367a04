// Package rng provides splittable streams of random numbers.
//
// Every stream is a Philox4x32-10 counter-based generator (Salmon et al.,
// Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011). A stream is named by
// the run's seed and a path of labels, so what it yields depends neither on the
// number of goroutines nor on how much other streams have drawn. Its whole
// state is three words, and a device can continue it.
package rng
