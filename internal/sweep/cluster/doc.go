// Package cluster writes what queues workers of a sweep under Slurm and Kubernetes. It knows a
// sweep by its folder alone.
package cluster
