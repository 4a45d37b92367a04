package bench

import (
	"paspo/cuda"
	"paspo/lp"
	"paspo/policy"
)

// GPUs is the Maker of a GPU.
func GPUs(gpu *cuda.Context) Maker {
	return func(solver lp.Solver, obsDim, minibatch, count int) ([]policy.Backend, error) {
		specs := make([]policy.GPUSpec, count)
		for i := range specs {
			specs[i] = policy.GPUSpec{
				Solver: solver, ObsDim: obsDim, Minibatch: minibatch, Config: policy.DefaultConfig(), Seed: uint64(i + 1),
			}
		}
		made, err := policy.NewGPUs(gpu, specs)
		out := make([]policy.Backend, len(made))
		for i, b := range made {
			out[i] = b
		}
		return out, err
	}
}
