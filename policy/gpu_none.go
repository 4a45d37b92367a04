//go:build !gpu

package policy

import (
	"paspo/cuda"
	"paspo/lp"
)

// NewGPU makes a policy like NewCPU's on a device. This program was built without
// the tag gpu: the error is cuda.ErrNotBuilt.
func NewGPU(*cuda.Context, lp.Solver, int, int, Config, *Fit, uint64) (Shared, error) {
	return nil, cuda.ErrNotBuilt
}

// NewGPUs makes policies that share a device. This program was built without the
// tag gpu: the error is cuda.ErrNotBuilt.
func NewGPUs(*cuda.Context, []GPUSpec) ([]Shared, error) { return nil, cuda.ErrNotBuilt }
