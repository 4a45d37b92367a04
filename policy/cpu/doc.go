// Package cpu is the backend that runs on the processor. Training is a graph of Gorgonia's;
// sampling decodes the same weights entity by entity, with the same bits.
package cpu
