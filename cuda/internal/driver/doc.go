// Package driver opens the CUDA driver when a program runs, so that the program
// links against none and starts without one. It stands in for libcuda under
// gorgonia.org/cu, and adds the few calls which that lacks.
package driver
