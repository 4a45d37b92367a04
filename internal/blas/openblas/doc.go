//go:build openblas

// Package openblas runs products of package blas on OpenBLAS, to measure one
// against the other. It is built by the tag openblas alone and needs
// libopenblas-dev; nothing else uses it.
package openblas
