package joint

import (
	"fmt"
	"slices"

	"paspo/policy"
)

// State implements policy.Backend. Parameters are named and shaped as torch does, NET.L.weight
// (out, in) and NET.L.bias (out), for the networks actor, critic and costs.
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
		Params: copies(b.params), M: copies(b.opt.M), V: copies(b.opt.V), Step: b.opt.Step, Normalizer: b.norm.Clone(),
	}, nil
}

// SetState implements policy.Backend.
func (b *Backend) SetState(s *policy.State) error {
	own, err := b.State()
	if err != nil {
		return err
	}
	for _, g := range []struct {
		what       string
		have, want []policy.Tensor
	}{{"parameter", s.Params, own.Params}, {"first moment", s.M, own.M}, {"second moment", s.V, own.V}} {
		if len(g.have) != len(g.want) {
			return fmt.Errorf("policy: the state has %d tensors of kind %s, this policy %d", len(g.have), g.what, len(g.want))
		}
		for i, t := range g.have {
			want := g.want[i]
			if t.Name != want.Name || !slices.Equal(t.Shape, want.Shape) || len(t.Data) != len(want.Data) {
				return fmt.Errorf("policy: the state has %s %s %v of %d elements where this policy has %s %v",
					g.what, t.Name, t.Shape, len(t.Data), want.Name, want.Shape)
			}
		}
	}
	if s.Step < 0 {
		return fmt.Errorf("policy: the state has taken %d gradient steps: at least 0 is allowed", s.Step)
	}
	if n := s.Normalizer; n == nil || n.Dim() != b.obsDim || len(n.Seen.M2) != b.obsDim {
		return fmt.Errorf("policy: the state has no normaliser of observations of %d components", b.obsDim)
	}
	fill := func(to []float32, from []policy.Tensor) {
		for _, t := range from {
			to = to[copy(to, t.Data):]
		}
	}
	fill(b.params, s.Params)
	fill(b.opt.M, s.M)
	fill(b.opt.V, s.V)
	b.opt.Step, b.norm = s.Step, s.Normalizer.Clone()
	b.sums, b.wrong = policy.Diagnostics{}, nil
	clear(b.grads)
	b.Moved()
	return nil
}
