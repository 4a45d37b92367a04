package cpu

import "paspo/policy"

// State implements Backend. Names and shapes of parameters are those of torch:
//
//	encoder.L.weight (out, in), encoder.L.bias (out), likewise critic
//	heads.L.weight (heads, out, in), heads.L.bias (heads, out)
//
// The last layer of the encoder gives the latent. The inputs of heads.0 are the
// latent and the amounts of the prefix in units of policy.Total; a head's weights for
// entities that are not in its prefix are 0. The last layer of the heads gives the logits
// of alpha and beta.
func (c *Backend) State() (*policy.State, error) {
	l := c.Layout
	return &policy.State{
		Params: l.Copies(c.plain(c.params)), M: l.Copies(c.plain(c.opt.M)), V: l.Copies(c.plain(c.opt.V)), Step: c.opt.Step, Normalizer: c.normalizer.Clone(),
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
	c.opt.Step, c.normalizer = s.Step, s.Normalizer.Clone()
	c.sums, c.nonFinite = policy.Diagnostics{}, nil
	return nil
}

// Gradient returns the gradient of the last step, before it was clipped, in the
// shapes of State's parameters.
func (c *Backend) Gradient() []policy.Tensor { return c.Layout.Copies(c.plain(c.grads)) }

// plain returns parameters, or data in the same layout of C, in the layout of c.Layout.
func (c *Backend) plain(packed []float32) []float32 {
	p := make([]float32, c.Layout.Size)
	c.Layout.Unpack(c.net, p, packed)
	return p
}
