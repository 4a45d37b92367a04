package cudatest

import _ "embed"

// Scale is PTX of a kernel cudatest_scale that takes a ScaleArgs: x = factor x +
// term for n float64, one a thread.
//
//go:embed scale.ptx
var Scale string

// ScaleArgs are the arguments of the kernel in Scale.
type ScaleArgs struct {
	X            uint64
	N            int64
	Factor, Term float64
}
