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
		Params: l.Copies(c.params), M: l.Copies(c.opt.M), V: l.Copies(c.opt.V), Step: c.opt.Step, Normalizer: c.norm.Clone(),
	}, nil
}

// SetState implements Backend. The tensors must be those of State, in that
// order.
func (c *Backend) SetState(s *policy.State) error {
	l := c.Layout
	if err := l.CheckState(s); err != nil {
		return err
	}
	l.Fill(c.params, s.Params)
	l.Fill(c.opt.M, s.M)
	l.Fill(c.opt.V, s.V)
	c.opt.Step, c.norm = s.Step, s.Normalizer.Clone()
	c.sums, c.wrong = policy.Diagnostics{}, nil
	c.decoder.stale = true
	return nil
}

// Gradient returns the gradient of the last step, before it was clipped, in the
// shapes of State's parameters.
func (c *Backend) Gradient() []policy.Tensor { return c.Layout.Copies(c.grads) }
