//go:build gpu

package policy

import "paspo/cuda"

// GPUWork returns what a gradient step of a policy takes on a device, a
// minibatch's copies and the optimiser included, and the device memory that it
// needs with the Rows and Steps of the specification. No device is asked.
func GPUWork(s GPUSpec) (step cuda.Work, memory int64, err error) {
	m, params, err := newModel(s.Solver, s.ObsDim, s.Minibatch, s.Config, nil, s.Seed)
	if err != nil {
		return step, 0, err
	}
	p := &gpuProgram{layout: m.layout, shape: m.shape, minibatch: m.minibatch}
	if p.expr, err = newExpression(m.layout, m.shape, m.minibatch, params); err != nil {
		return step, 0, err
	}
	var b cuda.Block
	at, err := p.place(&b, max(s.Rows, s.Minibatch), max(s.Steps, 1))
	if err != nil {
		return step, 0, err
	}
	step = at.plan.Work()
	step.Launches += 3 // gather, adam, finish
	rows := int64(m.minibatch)
	for _, n := range p.expr.inputs[:10] {
		step.Bytes += 2 * 4 * int64(n.Shape().TotalSize())
	}
	step.Bytes += 4 * rows                     // of the permutation
	step.Bytes += 7 * 4 * int64(m.layout.size) // parameters, moments and gradient
	return step, b.Bytes(), nil
}
