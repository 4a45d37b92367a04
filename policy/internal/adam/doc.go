// Package adam is the optimiser of the backends that run on the processor.
package adam
