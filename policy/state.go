package policy

import (
	"fmt"
	"slices"
)

// State implements Backend. Parameters are named and shaped as torch does:
//
//	encoder.L.weight (out, in), encoder.L.bias (out), likewise critic
//	heads.L.weight (heads, out, in), heads.L.bias (heads, out)
//
// The last layer of the encoder gives the latent. The inputs of heads.0 are the
// latent and the shares of the entities before; a head's columns for entities
// that it does not see are 0. The last layer of the heads gives the logits of
// alpha and beta.
func (c *CPU) State() (*State, error) {
	copies := func(data []float32) []Tensor {
		ts := make([]Tensor, len(c.layout.tensors))
		for i := range ts {
			s := &c.layout.tensors[i]
			ts[i] = Tensor{Name: s.name, Shape: slices.Clone(s.shape), Data: slices.Clone(slice(data, s))}
		}
		return ts
	}
	return &State{Params: copies(c.params), M: copies(c.opt.m), V: copies(c.opt.v), Step: c.opt.step}, nil
}

// SetState implements Backend. The tensors must be those of State, in that
// order.
func (c *CPU) SetState(s *State) error {
	sets := []struct {
		what string
		from []Tensor
		to   []float32
	}{{"parameter", s.Params, c.params}, {"first moment", s.M, c.opt.m}, {"second moment", s.V, c.opt.v}}
	for _, set := range sets {
		if len(set.from) != len(c.layout.tensors) {
			return fmt.Errorf("policy: the state has %d tensors of kind %s, this policy %d", len(set.from), set.what, len(c.layout.tensors))
		}
		for i, t := range set.from {
			want := &c.layout.tensors[i]
			if t.Name != want.name || !slices.Equal(t.Shape, want.shape) || len(t.Data) != want.size {
				return fmt.Errorf("policy: the state has %s %s %v of %d elements where this policy has %s %v",
					set.what, t.Name, t.Shape, len(t.Data), want.name, want.shape)
			}
		}
	}
	if s.Step < 0 {
		return fmt.Errorf("policy: the state has taken %d gradient steps: at least 0 is allowed", s.Step)
	}
	for _, set := range sets {
		for i, t := range set.from {
			copy(slice(set.to, &c.layout.tensors[i]), t.Data)
		}
	}
	c.opt.step = s.Step
	c.sums, c.wrong = Diagnostics{}, nil
	c.decoder.stale = true
	return nil
}
