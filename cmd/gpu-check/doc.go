// Command gpu-check tries a machine with an NVIDIA driver: every kernel against
// its reference, learning curves on CPU and GPU, and timings. It needs a driver
// and the test binaries beside it, which make gpu-check builds, and nothing else.
package main
