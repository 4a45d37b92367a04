package gpu

import (
	"paspo/lp"
	"paspo/policy"
)

// Spec holds the arguments of one policy on a device, those of cpu.New, and the initial size of
// its memory: Rows of a rollout, and gradient Steps between two calls of Diagnostics. Where they
// are 0 or too small the memory grows when more is needed, and the device then holds the old and
// the new memory for a moment.
type Spec struct {
	Solver            lp.Solver
	ObsDim, Minibatch int
	Config            policy.Config
	Fit               *policy.Fit
	Seed              uint64

	Rows, Steps int
}
