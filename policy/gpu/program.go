//go:build gpu

package gpu

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	G "gorgonia.org/gorgonia"

	"paspo/cuda"
	"paspo/internal/ops"
	"paspo/kernels"
	"paspo/policy/internal/network"
)

// program trains agents, which are backends whose policies have the same sizes. They share one
// memory and one captured graph of a minibatch, which runs for all agents at once.
type program struct {
	ctx       *cuda.Context
	stream    *cuda.Stream
	kernels   *cuda.Kernels
	layout    *network.Layout
	shape     ops.Shape
	minibatch int
	agents    []*Backend

	mu      sync.Mutex
	pending []*request
	joined  int   // number of agents that have joined
	open    int   // number of agents that are not closed
	lost    error // error of a lost device, which every later request gets

	expr        *network.Graph[float32]
	rows, steps int // largest rollout and queue that the memory holds
	at          places
	memory      *cuda.Memory
	step, old   *cuda.VM // a gradient step; log-probabilities of a minibatch under the old policy
	staging     staging
	sampler     *sampler

	// Addresses of agent 0; those of agent k are k*stride bytes behind.
	stride     int64
	params     cuda.Ptr
	normalizer cuda.Ptr
	rollout    rollout
}

// rollout holds the addresses of the kept rows.
type rollout struct{ obs, prefix, logX, log1mX, logWidth, mask cuda.Ptr }

// places are offsets in the block of an agent, in bytes.
type places struct {
	// These are uploaded together, from advantage or from control on.
	advantage, target, control, oldControl, count, perm int64

	params, m, v, normalizer                  int64 // contiguous
	obs, prefix, logX, log1mX, logWidth, mask int64
	oldLogProb                                int64

	plan    *cuda.Plan // of a gradient step
	forward *cuda.Plan // of log-probabilities alone
}

// takes reports whether a policy has the sizes of the policies of the program.
func (p *program) takes(m *network.Model) bool {
	l, k := p.layout, m.Layout
	return p.minibatch == m.Minibatch && p.shape == m.Shape && l.Obs == k.Obs && l.Entities == k.Entities && l.Heads == k.Heads &&
		slices.Equal(l.Encoder, k.Encoder) && slices.Equal(l.Head, k.Head) && slices.Equal(l.Critic, k.Critic)
}

// start allocates memory for all agents and uploads their initial parameters.
func (p *program) start(initial map[*Backend][]float32) error {
	var err error
	if p.expr, err = network.NewExpression(p.layout, p.shape, p.minibatch, initial[p.agents[0]]); err != nil {
		return err
	}
	p.open = len(p.agents)
	p.staging.ctx = p.ctx
	err = p.ctx.Do(func() error {
		defer p.staging.reset()
		if p.stream, err = p.ctx.NewStream(); err != nil {
			return err
		}
		if p.kernels, err = p.ctx.LoadKernels(); err != nil {
			return err
		}
		if err := p.build(p.rows, p.steps); err != nil {
			return err
		}
		for _, g := range p.agents {
			if err := p.upload(g, p.at.params, bytesOf(initial[g])); err != nil {
				return err
			}
			// A normaliser of zeros is off and has no statistics.
			if err := p.upload(g, p.at.normalizer, make([]byte, kernels.NormalizerBytes(p.layout.Obs))); err != nil {
				return err
			}
		}
		if p.sampler, err = newGPUSampler(p); err != nil {
			return err
		}
		return p.stream.Sync()
	})
	if err != nil {
		return errors.Join(err, p.stop())
	}
	return nil
}

// stop frees everything on the device. A lost device has freed it already.
func (p *program) stop() error {
	err := p.ctx.Do(func() error {
		if p.sampler != nil {
			p.sampler.close()
		}
		err := p.release()
		p.staging.close()
		if p.stream != nil {
			err = errors.Join(err, p.stream.Close())
		}
		p.sampler, p.stream = nil, nil
		return err
	})
	if errors.Is(err, cuda.ErrLost) || errors.Is(err, cuda.ErrClosed) {
		return nil
	}
	return err
}

func (p *program) release() error {
	if p.memory == nil {
		return nil
	}
	err := errors.Join(p.step.Close(), p.old.Close(), p.memory.Close())
	p.memory = nil
	return err
}

// build lays out blocks for a rollout of so many rows and a queue of so many steps, allocates the
// memory, moves earlier contents there, and plans the launches.
func (p *program) build(rows, steps int) error {
	var b cuda.Block
	at, err := p.place(&b, rows, steps)
	if err != nil {
		return err
	}
	memory, err := p.ctx.NewMemory(p.stream, &b, len(p.agents))
	if err != nil {
		return err
	}
	before, beforeMemory := p.at, p.memory
	if beforeMemory != nil {
		if err := p.move(&before, beforeMemory, &at, memory); err != nil {
			return errors.Join(err, memory.Close())
		}
		if err := p.release(); err != nil {
			return errors.Join(err, memory.Close())
		}
	}
	p.at, p.memory, p.rows, p.steps = at, memory, rows, steps
	p.stride, p.params, p.normalizer = memory.Stride, memory.At(0, at.params), memory.At(0, at.normalizer)
	p.rollout = rollout{
		memory.At(0, at.obs), memory.At(0, at.prefix), memory.At(0, at.logX), memory.At(0, at.log1mX),
		memory.At(0, at.logWidth), memory.At(0, at.mask),
	}
	p.step = cuda.NewPlannedVM(at.plan, memory, p.kernels, p.stream, []kernels.Args{p.gather(at.control, at.perm)}, p.optimiser())
	p.old = cuda.NewPlannedVM(at.forward, memory, p.kernels, p.stream, []kernels.Args{p.gather(at.oldControl, -1)}, []kernels.Args{
		&kernels.StoreOldArgs{
			Ctl: p.address(at.oldControl), Terms: p.addressOf(p.expr.TermsNode), Old: p.address(at.oldLogProb),
			Rows: int64(p.minibatch), Total: int64(rows), Stride: memory.Stride,
		},
	})
	return nil
}

// place lays out the block of one agent.
func (p *program) place(b *cuda.Block, rows, steps int) (places, error) {
	l, n, m := p.layout, int64(rows), int64(p.minibatch)
	floats := func(n int64) int64 { return b.Take(4 * n) }
	at := places{
		advantage: floats(n), target: floats(n),
		control: b.Take(kernels.ControlBytes), oldControl: b.Take(kernels.ControlBytes),
		count: floats(int64(steps)), perm: floats(int64(steps) * m),
		params: floats(int64(l.Size)), m: floats(int64(l.Size)), v: floats(int64(l.Size)), normalizer: b.Take(kernels.NormalizerBytes(l.Obs)),
		obs: floats(n * int64(l.Obs)), prefix: floats(n * int64(l.Entities)),
		logX: floats(n * int64(l.Heads)), log1mX: floats(n * int64(l.Heads)),
		logWidth: floats(n * int64(l.Heads)), mask: floats(n * int64(l.Heads)),
		oldLogProb: floats(n),
	}
	size := 4 * int64(l.Size)
	grads := b.Take(size * int64(kernels.Copies(p.minibatch)))
	placed := map[*G.Node]int64{}
	for i := range l.Tensors {
		placed[p.expr.Weights[i]] = at.params + 4*int64(l.Tensors[i].At)
		placed[p.expr.Gradients[i]] = grads + 4*int64(l.Tensors[i].At)
	}
	var err error
	if at.plan, err = cuda.NewPlan(p.expr.Expr, p.expr.Wanted, cuda.PlanConfig{
		Block: b, Control: at.control, Placed: placed, Gradients: grads, GradBytes: size,
	}); err != nil {
		return at, err
	}
	for _, n := range append(at.plan.Inputs(), at.plan.Nodes()...) {
		placed[n], _ = at.plan.Offset(n)
	}
	at.forward, err = cuda.NewPlan(p.expr.Expr, G.Nodes{p.expr.TermsNode}, cuda.PlanConfig{Block: b, Control: at.oldControl, Placed: placed})
	return at, err
}

// address returns the address of an offset in the block of agent 0.
func (p *program) address(offset int64) uint64 { return uint64(p.memory.At(0, offset)) }

func (p *program) addressOf(n *G.Node) uint64 {
	at, ok := p.at.plan.Offset(n)
	if !ok {
		panic(fmt.Sprintf("policy: %q has no place on the device", n.Name()))
	}
	return p.address(at)
}

// input returns the address of input i of the graph.
func (p *program) input(i int) uint64 { return p.addressOf(p.expr.Inputs[i]) }

func (p *program) gather(control, perm int64) *kernels.GatherArgs {
	at, l := &p.at, p.layout
	a := &kernels.GatherArgs{
		Ctl: p.address(control),
		Obs: p.address(at.obs), Prefix: p.address(at.prefix), LogX: p.address(at.logX), Log1mX: p.address(at.log1mX),
		LogWidth: p.address(at.logWidth), Mask: p.address(at.mask),
		Old: p.address(at.oldLogProb), Advantage: p.address(at.advantage), Target: p.address(at.target),
		ToObs: p.input(0), ToPrefix: p.input(1), ToLogX: p.input(2), ToLog1mX: p.input(3), ToLogWidth: p.input(4), ToMask: p.input(5),
		ToOld: p.input(6), ToAdvantage: p.input(7), ToTarget: p.input(8), ToWeight: p.input(9),
		Rows: int64(p.minibatch), Total: int64(p.rows),
		ObsDim: int64(l.Obs), Entities: int64(l.Entities), Heads: int64(l.Heads), Stride: p.memory.Stride,
	}
	if perm >= 0 {
		a.Perm, a.Count = p.address(perm), p.address(at.count)
	}
	return a
}

// optimiser returns the launches of the optimiser, which follow the gradients.
func (p *program) optimiser() []kernels.Args {
	at := &p.at
	squares, normBlocks := at.plan.Squares()
	sums, lossBlocks := at.plan.Sums()
	return []kernels.Args{
		&kernels.AdamArgs{
			Ctl: p.address(at.control), W: p.address(at.params), G: p.addressOf(p.expr.Gradients[0]), M: p.address(at.m), V: p.address(at.v),
			Squares: p.address(squares), Sums: p.address(sums),
			Size: int64(p.layout.Size), NormBlocks: int64(normBlocks), LossBlocks: int64(lossBlocks), Stride: p.memory.Stride,
		},
		&kernels.FinishArgs{
			Ctl: p.address(at.control), Squares: p.address(squares), Sums: p.address(sums),
			NormBlocks: int64(normBlocks), LossBlocks: int64(lossBlocks), Stride: p.memory.Stride,
		},
	}
}

// reserve makes the memory large enough for a rollout of so many rows and a queue of so many
// steps.
func (p *program) reserve(rows, steps int) error {
	if rows <= p.rows && steps <= p.steps {
		return nil
	}
	grow := func(have, need int) int {
		if need <= have {
			return have
		}
		return max(need, 2*have)
	}
	return p.build(grow(p.rows, rows), grow(p.steps, steps))
}

// move copies the state, the kept rows and the loaded batch of all agents to another memory.
func (p *program) move(from *places, src *cuda.Memory, to *places, dst *cuda.Memory) error {
	l, n := p.layout, int64(p.rows)
	for k := range p.agents {
		for _, f := range []struct{ from, to, floats int64 }{
			{from.params, to.params, int64(l.Size)}, {from.m, to.m, int64(l.Size)}, {from.v, to.v, int64(l.Size)},
			{from.normalizer, to.normalizer, kernels.NormalizerBytes(l.Obs) / 4},
			{from.obs, to.obs, n * int64(l.Obs)}, {from.prefix, to.prefix, n * int64(l.Entities)},
			{from.logX, to.logX, n * int64(l.Heads)}, {from.log1mX, to.log1mX, n * int64(l.Heads)},
			{from.logWidth, to.logWidth, n * int64(l.Heads)}, {from.mask, to.mask, n * int64(l.Heads)},
			{from.oldLogProb, to.oldLogProb, n}, {from.advantage, to.advantage, n}, {from.target, to.target, n},
		} {
			if err := p.stream.Copy(dst.At(k, f.to), src.At(k, f.from), 4*f.floats); err != nil {
				return err
			}
		}
	}
	return p.stream.Sync()
}
