//go:build gpu

package cuda

import (
	"fmt"
	"reflect"

	G "gorgonia.org/gorgonia"

	"paspo/internal/ops"
	"paspo/kernels"
)

// Kernels are the kernels of this module, loaded on a device.
type Kernels struct {
	functions map[string]*Function
}

// LoadKernels loads all kernels, once a context. It is called inside Do.
func (c *Context) LoadKernels() (*Kernels, error) {
	if c.kernels != nil {
		return c.kernels, nil
	}
	k := &Kernels{functions: map[string]*Function{}}
	for _, m := range kernels.Modules() {
		module, err := c.Load(m.PTX)
		if err != nil {
			return nil, fmt.Errorf("cuda: the kernels of %s: %w", m.Name, err)
		}
		for _, name := range m.Kernels {
			if k.functions[name], err = module.Function(name); err != nil {
				return nil, fmt.Errorf("cuda: kernel %s: %w", name, err)
			}
		}
	}
	c.kernels = k
	return k, nil
}

// Launch queues a kernel for a number of agents. It is called inside Do.
func (k *Kernels) Launch(s *Stream, a kernels.Args, agents int) error {
	f := k.functions[a.Kernel()]
	if f == nil {
		return fmt.Errorf("cuda: no kernel %s is loaded", a.Kernel())
	}
	v := reflect.ValueOf(a)
	if n := int(v.Type().Elem().Size()); n != f.ArgBytes {
		return fmt.Errorf("cuda: kernel %s takes %d bytes of arguments, not %d", f.Name, f.ArgBytes, n)
	}
	l := a.Launch(agents)
	if err := s.Launch(f, l.Grid, l.Block, l.Shared, v.UnsafePointer()); err != nil {
		return fmt.Errorf("kernel %s: %w", a.Kernel(), err)
	}
	return nil
}

func hasKernel(k ops.Kind) bool {
	switch k {
	case ops.Dense, ops.DenseGradX, ops.DenseGradW, ops.Masked, ops.MaskedGradLatent, ops.MaskedGradW,
		ops.BetaTerms, ops.BetaTermsGrad, ops.Loss:
		return true
	}
	return false
}

// rows is the size of the minibatch.
func (s *planStep) rows() int { return s.in[0].Shape()[0] }

// scratchBytes is what a step needs beside its results.
func (s *planStep) scratchBytes(p *Plan) int64 {
	switch s.kind {
	case ops.Loss:
		// Sums, and the gradients, which the kernel always writes.
		return s.sumBytes() + 3*4*int64(s.rows())
	case ops.BetaTerms:
		if p.slopesOf(s.node) {
			return 8 * 4 * int64(s.in[1].Shape().TotalSize())
		}
	}
	return 0
}

func (s *planStep) sumBytes() int64 {
	return kernels.DiagnosticsBytes * int64(kernels.LossBlocks(s.rows()))
}

// slopesOf says whether the gradient of terms is asked for.
func (p *Plan) slopesOf(terms *G.Node) bool {
	for _, s := range p.steps {
		if s.kind == ops.BetaTermsGrad && s.in[4] == terms {
			return true
		}
	}
	return false
}

// args returns the arguments of a step's kernel where the block of agent 0 is at
// base and the next ones follow stride bytes apart.
func (p *Plan) args(s *planStep, base Ptr, stride int64) kernels.Args {
	at := func(n *G.Node) uint64 {
		if n == nil {
			return 0
		}
		return uint64(base) + uint64(p.place[n])
	}
	scratch := func(n *G.Node) uint64 {
		if off, ok := p.scratch[n]; ok {
			return uint64(base) + uint64(off)
		}
		return 0
	}
	in := func(i int) uint64 { return at(s.in[i]) }
	dim := func(n *G.Node, i int) int64 { return int64(n.Shape()[i]) }
	ctl, out, gate, rows := uint64(base)+uint64(p.cfg.Control), at(s.node), at(s.gate), int64(s.rows())
	heads := int64(max(s.attrs.Heads, 1))
	relu := int64(0)
	if s.attrs.ReLU {
		relu = 1
	}
	// last is the width of the last but i-th axis.
	last := func(n *G.Node, i int) int64 { return dim(n, n.Dims()-1-i) }

	switch s.kind {
	case ops.Dense:
		return &kernels.DenseArgs{Ctl: ctl, X: in(0), W: in(1), B: in(2), Y: out, Rows: rows, Heads: heads,
			N: last(s.in[1], 1), K: last(s.in[1], 0), ReLU: relu, Stride: stride}
	case ops.DenseGradX:
		return &kernels.DenseGradXArgs{Ctl: ctl, GZ: in(0), Gate: gate, W: in(1), GX: out, Rows: rows, Heads: heads,
			N: last(s.in[1], 1), K: last(s.in[1], 0), Stride: stride}
	case ops.DenseGradW:
		return &kernels.DenseGradWArgs{Ctl: ctl, X: in(0), GZ: in(1), Gate: gate, GW: out, GB: at(s.bias), Rows: rows, Heads: heads,
			N: last(s.node, 1), K: last(s.node, 0), Copy: p.cfg.GradBytes, Stride: stride}
	case ops.Masked:
		return &kernels.MaskedArgs{Ctl: ctl, Latent: in(0), Prefix: in(1), W: in(2), B: in(3), Y: out, Rows: rows, Heads: heads,
			N: dim(s.in[2], 1), L: dim(s.in[0], 1), P: dim(s.in[1], 1), ReLU: relu, Stride: stride}
	case ops.MaskedGradLatent:
		return &kernels.MaskedGradLatentArgs{Ctl: ctl, GZ: in(0), Gate: gate, W: in(1), GL: out, Rows: rows, Heads: heads,
			N: dim(s.in[1], 1), L: dim(s.node, 1), Stride: stride}
	case ops.MaskedGradW:
		return &kernels.MaskedGradWArgs{Ctl: ctl, Latent: in(0), Prefix: in(1), GZ: in(2), Gate: gate, GW: out, GB: at(s.bias), Rows: rows, Heads: heads,
			N: dim(s.node, 1), L: dim(s.in[0], 1), P: dim(s.in[1], 1), Copy: p.cfg.GradBytes, Stride: stride}
	case ops.BetaTerms:
		return &kernels.BetaTermsArgs{Ctl: ctl, Logits: in(0), LogX: in(1), Log1mX: in(2), LogWidth: in(3), Mask: in(4),
			Terms: out, Slopes: scratch(s.node), Rows: rows, Heads: dim(s.in[1], 1), Min: s.attrs.Shape.Min, Max: s.attrs.Shape.Max, Stride: stride}
	case ops.BetaTermsGrad:
		return &kernels.BetaTermsGradArgs{Ctl: ctl, GTerms: in(5), Slopes: scratch(s.in[4]), GLogits: out,
			Rows: rows, Heads: dim(s.in[1], 1), Stride: stride}
	case ops.Loss:
		sums := scratch(s.node)
		terms, value := sums+uint64(s.sumBytes()), sums+uint64(s.sumBytes()+2*4*rows)
		if s.gradTerms != nil {
			terms = at(s.gradTerms)
		}
		if s.gradValue != nil {
			value = at(s.gradValue)
		}
		return &kernels.LossArgs{Ctl: ctl, Terms: in(0), Value: in(1), Old: in(2), Advantage: in(3), Target: in(4), Weight: in(5),
			GTerms: terms, GValue: value, Sums: sums, Rows: rows, Stride: stride}
	}
	panic("cuda: no kernel for " + s.kind.String())
}

// norm returns the launch that adds up the copies of the gradients.
func (p *Plan) norm(base Ptr, stride int64) kernels.Args {
	at := uint64(base)
	return &kernels.GradNormArgs{
		Ctl: at + uint64(p.cfg.Control), G: at + uint64(p.cfg.Gradients), Squares: at + uint64(p.squares),
		Size: p.cfg.GradBytes / 4, Copies: int64(p.copies), Copy: p.cfg.GradBytes, Stride: stride,
	}
}
