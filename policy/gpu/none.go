//go:build !gpu

package gpu

import (
	"paspo/cuda"
	"paspo/lp"
	"paspo/policy"
)

// New makes a policy like cpu.New's on a device. Without the build tag gpu it returns
// cuda.ErrNotBuilt.
func New(*cuda.Context, lp.Solver, int, int, policy.Config, *policy.Fit, uint64) (policy.Shared, error) {
	return nil, cuda.ErrNotBuilt
}

// NewAll makes policies that share a device. Without the build tag gpu it returns
// cuda.ErrNotBuilt.
func NewAll(*cuda.Context, []Spec) ([]policy.Shared, error) { return nil, cuda.ErrNotBuilt }
