//go:build gpu

package cuda

import (
	"cmp"
	"slices"

	G "gorgonia.org/gorgonia"

	"paspo/internal/ops"
)

// gzInput is the input of an op that is the gradient before an activation, -1
// where it has none.
func gzInput(k ops.Kind) int {
	switch k {
	case ops.DenseGradX, ops.BiasGrad, ops.MaskedGradLatent:
		return 0
	case ops.DenseGradW:
		return 1
	case ops.MaskedGradW:
		return 2
	}
	return -1
}

// fuse leaves out what other launches can do on the way:
//
//	ReLUGrad goes into the ops that read it, which gate the gradient,
//	BiasGrad goes into the gradient of the weights of the same layer,
//	the gradients and diagnostics of a loss go into the loss.
//
// These kinds have no kernels of their own.
func (p *Plan) fuse(wanted G.Nodes) {
	readers := map[*G.Node][]*planStep{}
	for _, s := range p.steps {
		for _, n := range s.in {
			readers[n] = append(readers[n], s)
		}
	}
	gone := map[*planStep]bool{}

	for _, r := range p.steps {
		if r.kind != ops.ReLUGrad || slices.Contains(wanted, r.node) {
			continue
		}
		if slices.ContainsFunc(readers[r.node], func(s *planStep) bool {
			i := gzInput(s.kind)
			return i < 0 || s.in[i] != r.node || slices.Index(s.in, r.node) != i || slices.Contains(s.in[i+1:], r.node)
		}) {
			continue
		}
		for _, s := range readers[r.node] {
			s.in[gzInput(s.kind)], s.gate = r.in[1], r.in[0]
		}
		gone[r] = true
	}

	for _, b := range p.steps {
		if b.kind != ops.BiasGrad || len(readers[b.node]) > 0 {
			continue
		}
		for _, w := range p.steps {
			if (w.kind == ops.DenseGradW || w.kind == ops.MaskedGradW) && w.bias == nil &&
				w.in[gzInput(w.kind)] == b.in[0] && w.gate == b.gate {
				w.bias = b.node
				gone[b] = true
				break
			}
		}
	}

	p.fuseLoss(gone)
	p.steps = slices.DeleteFunc(p.steps, func(s *planStep) bool { return gone[s] })
}

// fuseLoss takes diagnostics and gradients of a loss into it. The coefficients
// are those of the control block.
func (p *Plan) fuseLoss(gone map[*planStep]bool) {
	for _, l := range p.steps {
		if l.kind != ops.Loss {
			continue
		}
		terms, value, old, adv, target, weight, coef := l.in[0], l.in[1], l.in[2], l.in[3], l.in[4], l.in[5], l.in[6]
		for _, s := range p.steps {
			var to **G.Node
			n := len(s.in)
			switch {
			case s.kind == ops.LossDiagnostics && slices.Equal(s.in, l.in):
				to = &l.diagnosis
			case s.kind == ops.LossGradTerms && slices.Equal(s.in[:n-1], G.Nodes{terms, old, adv, weight, coef}) && isOne(s.in[n-1]):
				to = &l.gradTerms
			case s.kind == ops.LossGradValue && slices.Equal(s.in[:n-1], G.Nodes{value, target, weight, coef}) && isOne(s.in[n-1]):
				to = &l.gradValue
			}
			if to != nil && *to == nil {
				*to = s.node
				gone[s] = true
			}
		}
		l.coef, l.in = coef, l.in[:6]
		p.losses = append(p.losses, l)
	}
}

// isOne reports whether a node is the constant that the gradient of a loss starts
// from.
func isOne(n *G.Node) bool {
	if n.Op() == nil || n.Op().Arity() > 0 {
		return false
	}
	v, ok := n.Value().(*G.F32)
	return ok && *v == 1
}

// order sorts the steps so that each comes after what it reads, those that are
// furthest from the end first where there is a choice.
func (p *Plan) order() {
	producer := map[*G.Node]*planStep{}
	for _, s := range p.steps {
		for _, n := range s.results() {
			producer[n] = s
		}
	}
	for _, s := range p.steps {
		for _, n := range s.reads() {
			if from := producer[n]; from != nil && !slices.Contains(s.after, from) {
				s.after = append(s.after, from)
			}
		}
	}
	var sorted []*planStep
	done := map[*planStep]bool{}
	var visit func(s *planStep)
	visit = func(s *planStep) {
		if done[s] {
			return
		}
		done[s] = true
		for _, from := range s.after {
			visit(from)
			s.depth = max(s.depth, from.depth+1)
		}
		sorted = append(sorted, s)
	}
	for _, s := range p.steps {
		visit(s)
	}
	for _, s := range slices.Backward(sorted) {
		for _, from := range s.after {
			from.height = max(from.height, s.height+1)
		}
	}
	slices.SortStableFunc(sorted, func(a, b *planStep) int {
		return cmp.Or(cmp.Compare(a.depth, b.depth), cmp.Compare(b.height, a.height))
	})
	p.steps = sorted
}
