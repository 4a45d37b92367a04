//go:build gpu

package gpu

import (
	"math"

	"paspo/internal/finite"
	"paspo/internal/ops"
	"paspo/kernels"
	"paspo/policy"
)

// findNonFinite sets the error of a step that was not finite. It names the first tensor that is not
// finite in the order of computation: inputs, parameters, results. All of them are still on the
// device.
func (p *program) findNonFinite(g *Backend, c *kernels.Control) error {
	e := &policy.NonFiniteError{Tensor: "the norm of the gradient", Step: c.Time}
	g.nonFinite = e
	finite := func(at int64, n int) (bool, error) {
		x, err := p.download(g, at, n)
		if err != nil {
			return true, err
		}
		if err := p.stream.Sync(); err != nil {
			return true, err
		}
		return finite.All(x), nil
	}

	const oldInput, weightInput, coefInput = 6, 9, 10
	for i, n := range p.expr.Inputs {
		if i == oldInput || i == weightInput || i == coefInput {
			continue
		}
		at, _ := p.at.plan.Offset(n)
		if ok, err := finite(at, n.Shape().TotalSize()); err != nil || !ok {
			e.Tensor = n.Name() + " of the minibatch"
			return err
		}
	}
	s := &g.settings
	for _, x := range []float64{s.Clip, s.ValueCoef, s.EntropyCoef} {
		if x-x != 0 {
			e.Tensor = p.expr.Inputs[coefInput].Name() + " of the minibatch"
			return nil
		}
	}
	for i := range p.layout.Tensors {
		t := &p.layout.Tensors[i]
		if ok, err := finite(p.at.params+4*int64(t.At), t.Size); err != nil || !ok {
			e.Tensor = t.Name
			return err
		}
	}
	old := p.expr.Inputs[oldInput]
	at, _ := p.at.plan.Offset(old)
	if ok, err := finite(at, old.Shape().TotalSize()); err != nil || !ok {
		e.Tensor = old.Name() + " of the minibatch"
		return err
	}
	loss := p.expr.Wanted[0]
	badLoss := math.IsNaN(c.Loss) || math.IsInf(c.Loss, 0)
	for _, n := range p.at.plan.Nodes() {
		if n.Op().(ops.Kernel).Kind() == ops.LossGradTerms && badLoss {
			break
		}
		at, _ := p.at.plan.Offset(n)
		if ok, err := finite(at, n.Shape().TotalSize()); err != nil || !ok {
			e.Tensor = n.Name()
			return err
		}
	}
	if badLoss {
		e.Tensor = loss.Name()
	}
	return nil
}
