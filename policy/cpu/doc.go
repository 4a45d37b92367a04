// Package cpu is the backend that runs on the processor. A gradient is one call of C, which
// tests hold to the graph of package network; sampling evaluates the same layers head by head,
// with the same bits.
package cpu
