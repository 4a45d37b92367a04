//go:build gpu

package cuda

import "paspo/internal/ops"

// Work is what a run takes of an agent at least.
type Work struct {
	Launches int
	Flops    int64 // of products: a multiplication and an addition a term
	Bytes    int64 // of inputs read once and results written once by every launch
}

// Work counts the work of a run for one agent. Special functions and elementwise
// operations are not counted as Flops.
func (p *Plan) Work() Work {
	w := Work{Launches: p.Len()}
	for _, s := range p.steps {
		w.Flops += 2 * s.terms()
		for _, n := range append(s.reads(), s.results()...) {
			w.Bytes += bytesOf(n)
		}
		// Slopes are written by one launch and read by another.
		switch s.kind {
		case ops.BetaTerms:
			w.Bytes += s.scratchBytes(p)
		case ops.BetaTermsGrad:
			w.Bytes += 8 * 4 * int64(s.in[1].Shape().TotalSize())
		}
	}
	// grad_norm reads all copies and writes one, if there is more.
	w.Bytes += int64(p.copies) * p.cfg.GradBytes
	if p.copies > 1 {
		w.Bytes += p.cfg.GradBytes
	}
	return w
}

// terms is the number of products that a step adds up.
func (s *planStep) terms() int64 {
	m := int64(s.rows())
	switch s.kind {
	case ops.Dense, ops.DenseGradX:
		return m * int64(s.in[1].Shape().TotalSize())
	case ops.DenseGradW:
		return m * int64(s.node.Shape().TotalSize())
	case ops.Masked:
		return m * seen(s.in[2].Shape()[0], s.in[2].Shape()[1], s.in[0].Shape()[1])
	case ops.MaskedGradW:
		return m * seen(s.node.Shape()[0], s.node.Shape()[1], s.in[0].Shape()[1])
	case ops.MaskedGradLatent:
		return m * int64(s.in[1].Shape()[0]*s.in[1].Shape()[1]*s.node.Shape()[1])
	}
	return 0
}

// seen is the number of weights of a masked layer that have an effect.
func seen(heads, outputs, latent int) int64 {
	return int64(outputs * (heads*latent + heads*(heads-1)/2))
}
