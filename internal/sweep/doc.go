// Package sweep trains settings of a space over seeds, by any number of processes on any
// number of machines that share a folder.
package sweep
