// Package cudatest gives tests a CUDA device: that of the machine where
// PASPO_TEST_GPU is 1, else one of a driver library that runs the kernels on the
// host (folder fake). It is built with g++ when a test first asks for it and kept
// until its sources change.
package cudatest
