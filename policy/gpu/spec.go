package gpu

import (
	"paspo/lp"
	"paspo/policy"
)

// Spec says what one policy on a device is, see cpu.New. Rows and Steps size
// its memory from the start: the rows of a rollout, and the gradient steps
// between two calls of Diagnostics. Where they are 0 or too small the memory grows when more
// is needed, and the device holds the old memory and the new one for a moment.
type Spec struct {
	Solver            lp.Solver
	ObsDim, Minibatch int
	Config            policy.Config
	Fit               *policy.Fit
	Seed              uint64

	Rows, Steps int
}
