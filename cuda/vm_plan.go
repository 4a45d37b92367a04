//go:build gpu

package cuda

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"paspo/internal/ops"
	"paspo/kernels"
)

// Block is the memory of one agent while it is being laid out: what is taken has
// an offset in it. Agents lie one block after the other.
type Block struct{ size int64 }

// blockAlign is the alignment of what is taken, in bytes.
const blockAlign = 256

// Take reserves bytes and returns their offset.
func (b *Block) Take(bytes int64) int64 {
	at := b.size
	b.size += (bytes + blockAlign - 1) &^ (blockAlign - 1)
	return at
}

// Bytes returns the size of the block.
func (b *Block) Bytes() int64 { return b.size }

// Plan is the order in which a device computes the wanted nodes of a graph, and
// the place of every value in the block of an agent. Making one touches no
// device, so that what a graph needs is known before memory is taken.
type Plan struct {
	cfg     PlanConfig
	steps   []*planStep
	losses  []*planStep
	inputs  G.Nodes
	place   map[*G.Node]int64
	scratch map[*G.Node]int64 // of the op that computes a node, beside its result
	copies  int               // of the gradients
	squares int64             // what grad_norm writes
	lanes   int
}

// planStep is one launch.
type planStep struct {
	kind  ops.Kind
	attrs ops.Attrs
	node  *G.Node
	in    G.Nodes

	// What was taken in from other nodes: a gradient is let through where gate is
	// positive, and bias is its sum over rows.
	gate, bias *G.Node

	// Of a loss: its coefficients, and what else it computes.
	coef, diagnosis, gradTerms, gradValue *G.Node

	after         []*planStep // the steps that compute what it reads
	depth, height int         // steps before and behind it on the longest way
	lane          int
}

// results returns the nodes that a step computes.
func (s *planStep) results() G.Nodes {
	return compact(s.node, s.bias, s.diagnosis, s.gradTerms, s.gradValue)
}

// reads returns the nodes whose values a step reads.
func (s *planStep) reads() G.Nodes { return append(compact(s.gate), s.in...) }

func compact(ns ...*G.Node) G.Nodes {
	var out G.Nodes
	for _, n := range ns {
		if n != nil {
			out = append(out, n)
		}
	}
	return out
}

// PlanConfig says where values are that have their place already. Gradients of
// weights lie together, so that their norm is computed over all at once: they are
// Placed within GradBytes from Gradients on, or all are placed by the plan. Behind
// them there must be space for the other copies, kernels.Copies of the rows in all,
// GradBytes each; all of it is 0 before the first run.
type PlanConfig struct {
	Block   *Block
	Control int64             // the control block that the kernels obey
	Placed  map[*G.Node]int64 // offsets of values; the others are taken from Block

	Gradients, GradBytes int64
}

// NewPlan plans a run that computes the wanted nodes. It is an error that names
// op and node if one of them needs an op without a kernel, an element type other
// than float32, or an input without a value and a place.
func NewPlan(g *G.ExprGraph, wanted G.Nodes, cfg PlanConfig) (*Plan, error) {
	p := &Plan{cfg: cfg, place: map[*G.Node]int64{}, scratch: map[*G.Node]int64{}}
	done := map[*G.Node]bool{}
	var visit func(n *G.Node) error
	visit = func(n *G.Node) error {
		if done[n] {
			return nil
		}
		done[n] = true
		if n.Dtype() != tensor.Float32 {
			return fmt.Errorf("cuda: %q is of %v: kernels compute in float32", n.Name(), n.Dtype())
		}
		if n.Op() == nil || n.Op().Arity() == 0 {
			return nil
		}
		k, ok := n.Op().(ops.Kernel)
		if !ok {
			return fmt.Errorf("cuda: no kernel for %v (%T), which computes %q", n.Op(), n.Op(), n.Name())
		}
		s := &planStep{kind: k.Kind(), attrs: k.Attrs(), node: n}
		for it := g.From(n.ID()); it.Next(); {
			c := it.Node().(*G.Node)
			if err := visit(c); err != nil {
				return err
			}
			s.in = append(s.in, c)
		}
		p.steps = append(p.steps, s)
		return nil
	}
	for _, n := range wanted {
		if err := visit(n); err != nil {
			return nil, err
		}
	}
	p.fuse(wanted)
	p.order()
	p.share()
	if err := p.check(); err != nil {
		return nil, err
	}
	p.layOut()
	return p, nil
}

// check refuses what has no kernel.
func (p *Plan) check() error {
	computed := map[*G.Node]*planStep{}
	for _, s := range p.steps {
		hint := ""
		switch s.kind {
		case ops.ReLUGrad:
			hint = ": only the gradient of a layer may read it"
		case ops.BiasGrad:
			hint = ": only the gradient of the weights of the same layer computes it"
		case ops.LossDiagnostics, ops.LossGradTerms, ops.LossGradValue:
			hint = ": only the loss of the same inputs computes it, as one of the wanted nodes"
		}
		if hint != "" || !hasKernel(s.kind) {
			return fmt.Errorf("cuda: no kernel for %v, which computes %q%s", s.kind, s.node.Name(), hint)
		}
		for _, n := range s.results() {
			computed[n] = s
		}
		for _, n := range s.reads() {
			from := computed[n]
			switch {
			case from == nil:
				if _, placed := p.cfg.Placed[n]; !placed && n.Value() == nil {
					return fmt.Errorf("cuda: %q has no value", n.Name())
				}
			case from.isGradW() || from.kind == ops.Loss && n != from.gradTerms && n != from.gradValue:
				return fmt.Errorf("cuda: %q is read by %q, but complete only after a run", n.Name(), s.node.Name())
			}
		}
	}
	return nil
}

func (s *planStep) isGradW() bool { return s.kind == ops.DenseGradW || s.kind == ops.MaskedGradW }

// layOut gives every value a place: inputs first, then results in order.
func (p *Plan) layOut() {
	block := p.cfg.Block
	take := func(n *G.Node) {
		if _, ok := p.place[n]; ok {
			return
		}
		at, ok := p.cfg.Placed[n]
		if !ok {
			at = block.Take(bytesOf(n))
		}
		p.place[n] = at
	}
	computed := map[*G.Node]bool{}
	for _, s := range p.steps {
		for _, n := range s.results() {
			computed[n] = true
		}
		for _, n := range s.reads() {
			if _, ok := p.place[n]; !ok && !computed[n] {
				p.inputs = append(p.inputs, n)
				take(n)
			}
		}
		if s.isGradW() {
			p.copies = max(p.copies, kernels.Copies(s.rows()))
		}
	}
	p.layOutGradients()
	for _, s := range p.steps {
		for _, n := range s.results() {
			// The sums of a loss are finished on the host or by other kernels.
			if n.Op().(ops.Kernel).Kind() != ops.Loss && n != s.diagnosis {
				take(n)
			}
		}
		if b := s.scratchBytes(p); b > 0 {
			p.scratch[s.node] = block.Take(b)
		}
	}
}

// layOutGradients places the gradients of weights one behind the other, unless
// they have places.
func (p *Plan) layOutGradients() {
	if p.copies == 0 {
		return
	}
	if p.cfg.GradBytes == 0 {
		var one Block
		at := map[*G.Node]int64{}
		for _, s := range p.steps {
			if s.isGradW() {
				for _, n := range s.results() {
					at[n] = one.Take(bytesOf(n))
				}
			}
		}
		p.cfg.GradBytes = one.Bytes()
		p.cfg.Gradients = p.cfg.Block.Take(int64(p.copies) * one.Bytes())
		for n, offset := range at {
			p.place[n] = p.cfg.Gradients + offset
		}
	}
	p.squares = p.cfg.Block.Take(8 * int64(kernels.NormBlocks(int(p.cfg.GradBytes/4))))
}

func bytesOf(n *G.Node) int64 { return 4 * int64(n.Shape().TotalSize()) }

// Offset returns the place of a node's value in the block of an agent. A node
// that is not computed, or that another one took in, has none.
func (p *Plan) Offset(n *G.Node) (int64, bool) {
	at, ok := p.place[n]
	return at, ok
}

// Inputs returns the nodes whose values the plan reads and does not compute.
func (p *Plan) Inputs() G.Nodes { return p.inputs }

// Squares returns the place of the sums of squares of the gradients, and their
// number.
func (p *Plan) Squares() (at int64, blocks int) {
	return p.squares, kernels.NormBlocks(int(p.cfg.GradBytes / 4))
}

// Sums returns the place of the sums of the loss, and the number of blocks.
func (p *Plan) Sums() (at int64, blocks int) {
	l := p.losses[0]
	return p.scratch[l.node], kernels.LossBlocks(l.rows())
}

// Nodes returns the nodes that have a value in memory, in the order in which it
// is computed.
func (p *Plan) Nodes() G.Nodes {
	var ns G.Nodes
	for _, s := range p.steps {
		for _, n := range s.results() {
			if _, ok := p.place[n]; ok {
				ns = append(ns, n)
			}
		}
	}
	return ns
}

// Len returns the number of launches of a run.
func (p *Plan) Len() int {
	if p.copies > 0 {
		return len(p.steps) + 1
	}
	return len(p.steps)
}
