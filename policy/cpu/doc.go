// Package cpu is the backend that runs on the processor. A gradient step is one call of C,
// whose gradient tests compare with the graph of package network; sampling evaluates the same
// layers head by head, with the same bits.
package cpu
