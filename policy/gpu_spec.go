package policy

import "paspo/lp"

// GPUSpec says what one policy on a device is, see NewCPU. Rows and Steps size
// its memory from the start: the rows of a rollout, and the gradient steps
// between two calls of Diagnostics. Where they are 0 or too small the memory
// grows when it is needed, and has to hold the old one and the new one for a
// moment.
type GPUSpec struct {
	Solver            lp.Solver
	ObsDim, Minibatch int
	Config            Config
	Fit               *Fit
	Seed              uint64

	Rows, Steps int
}
