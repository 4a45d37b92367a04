package bench

import (
	"paspo/cuda"
	"paspo/lp"
	"paspo/policy"
	"paspo/policy/gpu"
)

// GPUs is the Maker of a GPU.
func GPUs(ctx *cuda.Context) Maker {
	return func(solver lp.Solver, obsDim, minibatch, count int) ([]policy.Backend, error) {
		specs := make([]gpu.Spec, count)
		for i := range specs {
			specs[i] = gpu.Spec{
				Solver: solver, ObsDim: obsDim, Minibatch: minibatch, Config: policy.DefaultConfig(), Seed: uint64(i + 1),
			}
		}
		made, err := gpu.NewAll(ctx, specs)
		out := make([]policy.Backend, len(made))
		for i, b := range made {
			out[i] = b
		}
		return out, err
	}
}
