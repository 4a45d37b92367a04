//go:build gpu

package gpu

import (
	"paspo/cuda"
	"paspo/policy/internal/network"
)

// Work returns the work of a gradient step of a policy on a device, including the copies of a
// minibatch and the optimiser, and the bytes of device memory for the Rows and Steps of the
// specification. It needs no device.
func Work(s Spec) (step cuda.Work, memory int64, err error) {
	m, params, err := network.NewModel(s.Solver, s.ObsDim, s.Minibatch, s.Config, nil, s.Seed)
	if err != nil {
		return step, 0, err
	}
	p := &program{layout: m.Layout, shape: m.Shape, minibatch: m.Minibatch}
	if p.expr, err = network.NewExpression(m.Layout, m.Shape, m.Minibatch, params); err != nil {
		return step, 0, err
	}
	var b cuda.Block
	at, err := p.place(&b, max(s.Rows, s.Minibatch), max(s.Steps, 1))
	if err != nil {
		return step, 0, err
	}
	step = at.plan.Work()
	step.Launches += 3 // gather, adam, finish
	rows := int64(m.Minibatch)
	for _, n := range p.expr.Inputs[:10] {
		step.Bytes += 2 * 4 * int64(n.Shape().TotalSize())
	}
	step.Bytes += 4 * rows                     // permutation
	step.Bytes += 7 * 4 * int64(m.Layout.Size) // parameters, moments and gradient
	return step, b.Bytes(), nil
}
