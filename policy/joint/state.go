package joint

import (
	"slices"

	"paspo/policy"
)

// State implements policy.Backend. Names and shapes of parameters are those of torch,
// NET.L.weight (out, in) and NET.L.bias (out), for the networks actor, critic and costs.
func (b *Backend) State() (*policy.State, error) {
	copies := func(data []float32) (all []policy.Tensor) {
		for _, n := range b.networks() {
			n.tensors(func(name string, shape []int, size int) {
				all = append(all, policy.Tensor{Name: name, Shape: shape, Data: slices.Clone(data[:size])})
				data = data[size:]
			})
		}
		return all
	}
	return &policy.State{
		Params: copies(b.params), M: copies(b.opt.M), V: copies(b.opt.V), Step: b.opt.Step, Normalizer: b.normalizer.Clone(),
	}, nil
}

// SetState implements policy.Backend.
func (b *Backend) SetState(s *policy.State) error {
	own, err := b.State()
	if err != nil {
		return err
	}
	if err := s.Check(own.Params, b.obsDim); err != nil {
		return err
	}
	fill := func(to []float32, from []policy.Tensor) {
		for _, t := range from {
			to = to[copy(to, t.Data):]
		}
	}
	fill(b.params, s.Params)
	fill(b.opt.M, s.M)
	fill(b.opt.V, s.V)
	b.opt.Step, b.normalizer = s.Step, s.Normalizer.Clone()
	b.sums, b.nonFinite = policy.Diagnostics{}, nil
	clear(b.grads)
	b.ParamsChanged()
	return nil
}
