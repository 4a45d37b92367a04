// Package gpu is the backend that runs on an NVIDIA device. It is built with the tag gpu;
// without it, New returns cuda.ErrNotBuilt.
package gpu
