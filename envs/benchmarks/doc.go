// Package benchmarks makes the benchmarks of the paper and their variants by name.
package benchmarks
