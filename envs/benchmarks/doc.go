// Package benchmarks makes environments by name: the benchmarks of the paper, their variants,
// others that nothing was tuned on, and the problem that a binary of one's own adds.
package benchmarks
