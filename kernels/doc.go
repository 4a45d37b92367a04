// Package kernels holds the CUDA kernels: their sources (*.cu, *.cuh), the PTX
// made of them (command genptx beside this package), and what a caller needs to
// launch them, which are the mirrors of their arguments and the shapes of their
// launches.
//
// A kernel takes one struct by value whose fields all have 8 bytes: addresses,
// int64 and float64. Every kernel serves many agents at once, in blockIdx.z:
// what an agent owns lies Stride bytes after what the agent before owns, and the
// addresses of a struct are those of agent 0. What an agent computes depends
// neither on the others nor on their number, bit for bit.
//
// Arrays are of float32, row-major and without gaps, unless said otherwise; h is
// the number of heads, m the rows of a minibatch. Products are summed in a fixed
// order, from the first term on: a row of a result depends neither on m nor on
// the row's place. Sums over rows are taken in chunks of ChunkRows.
//
// The kernels of training read the control block of their agent (Control) and do
// nothing once its steps are done or one has gone wrong, so that a captured
// graph of one minibatch is replayed as often as the agent with the most steps
// needs.
package kernels
