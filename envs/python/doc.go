// Package python steps environments of Gymnasium's interface in Python processes.
//
// A worker process holds some of the environments. Observations, rewards, flags,
// seeds and actions lie in memory that it shares with this process (memfd_create: it
// has no name, so that nothing is left of it whatever ends the two), and a byte on a
// socket wakes either side. Nothing is pickled between the start and the end.
//
// The socket ends with the process that holds its other end: workers end when this
// process does, and this process names a worker that ends, or that does not answer
// within its time limit.
package python
