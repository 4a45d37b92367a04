package policy

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
	l := c.layout
	return &State{
		Params: l.copies(c.params), M: l.copies(c.opt.m), V: l.copies(c.opt.v), Step: c.opt.step, Normalizer: c.norm.Clone(),
	}, nil
}

// SetState implements Backend. The tensors must be those of State, in that
// order.
func (c *CPU) SetState(s *State) error {
	l := c.layout
	if err := l.checkState(s); err != nil {
		return err
	}
	l.fill(c.params, s.Params)
	l.fill(c.opt.m, s.M)
	l.fill(c.opt.v, s.V)
	c.opt.step, c.norm = s.Step, s.Normalizer.Clone()
	c.sums, c.wrong = Diagnostics{}, nil
	c.decoder.stale = true
	return nil
}
