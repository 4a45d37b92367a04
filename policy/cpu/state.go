package cpu

import "paspo/policy"

// State implements Backend. Parameters are named and shaped as torch does:
//
//	encoder.L.weight (out, in), encoder.L.bias (out), likewise critic
//	heads.L.weight (heads, out, in), heads.L.bias (heads, out)
//
// The last layer of the encoder gives the latent. The inputs of heads.0 are the
// latent and the shares of the entities before; a head's columns for entities
// that it does not see are 0. The last layer of the heads gives the logits of
// alpha and beta.
func (c *Backend) State() (*policy.State, error) {
	l := c.Layout
	return &policy.State{
		Params: l.Copies(c.plain(c.params)), M: l.Copies(c.plain(c.opt.M)), V: l.Copies(c.plain(c.opt.V)), Step: c.opt.Step, Normalizer: c.norm.Clone(),
	}, nil
}

// SetState implements Backend. The tensors must be those of State, in that
// order.
func (c *Backend) SetState(s *policy.State) error {
	l := c.Layout
	if err := l.CheckState(s); err != nil {
		return err
	}
	plain := make([]float32, l.Size)
	for _, f := range []struct {
		to   []float32
		from []policy.Tensor
	}{{c.params, s.Params}, {c.opt.M, s.M}, {c.opt.V, s.V}} {
		l.Fill(plain, f.from)
		l.Pack(c.net, f.to, plain)
	}
	c.net.Transpose(c.params, c.transposed)
	c.opt.Step, c.norm = s.Step, s.Normalizer.Clone()
	c.sums, c.wrong = policy.Diagnostics{}, nil
	return nil
}

// Gradient returns the gradient of the last step, before it was clipped, in the
// shapes of State's parameters.
func (c *Backend) Gradient() []policy.Tensor { return c.Layout.Copies(c.plain(c.grads)) }

// plain returns parameters, or what is ordered as they are, in the order of the layout.
func (c *Backend) plain(packed []float32) []float32 {
	p := make([]float32, c.Layout.Size)
	c.Layout.Unpack(c.net, p, packed)
	return p
}
