// Package cuda runs kernels on NVIDIA GPUs through gorgonia.org/cu. It is built
// with the tag gpu; without it every entry answers ErrNotBuilt.
//
// The driver is opened when the program first asks for a device: libcuda.so.1, or
// the library that PASPO_LIBCUDA names. Which devices there are, and their
// order, is what the driver makes of CUDA_VISIBLE_DEVICES.
//
// A Context holds a device's primary context on one OS thread. Everything that
// touches the device runs there: Do hands it a function, and the methods of
// Stream, Graph, Module, Arena are called inside that function.
package cuda
