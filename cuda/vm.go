//go:build gpu

package cuda

import (
	"errors"
	"fmt"
	"unsafe"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"paspo/internal/ops"
	"paspo/kernels"
)

// Memory holds the blocks of some agents, one behind the other.
type Memory struct {
	Base   Ptr   // block of agent 0
	Stride int64 // bytes from one block to the next
	Agents int

	arena *Arena
}

// NewMemory takes the memory of agents blocks, all 0. Too little of it is an
// *OutOfMemoryError. It is called inside Do.
func (c *Context) NewMemory(s *Stream, b *Block, agents int) (*Memory, error) {
	m := &Memory{Stride: max(b.Bytes(), blockAlign), Agents: agents}
	bytes := m.Stride * int64(agents)
	var err error
	if m.arena, err = c.NewArena(bytes); err != nil {
		return nil, err
	}
	m.Base = m.arena.Take(bytes)
	if err := s.Zero(m.Base, bytes); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// At returns the place of an offset in the block of an agent.
func (m *Memory) At(agent int, offset int64) Ptr {
	return m.Base + Ptr(int64(agent)*m.Stride+offset)
}

// Bytes returns the size of all blocks.
func (m *Memory) Bytes() int64 { return m.Stride * int64(m.Agents) }

// Close gives the memory back. It is called inside Do.
func (m *Memory) Close() error { return m.arena.Close() }

// VM is a gorgonia.VM that runs a plan on a device, for all agents of a memory at
// once. Its launches are captured into a graph at the first run and replayed.
type VM struct {
	plan    *Plan
	memory  *Memory
	kernels *Kernels
	stream  *Stream
	before  []kernels.Args
	after   []kernels.Args
	graph   *Graph

	// Of a VM that stands alone.
	context *Context
	wanted  G.Nodes
	staging []byte
	free    func()
}

var _ G.VM = (*VM)(nil)

// NewPlannedVM makes a VM of a plan whose values stay on the device: a run copies
// nothing. Launches before and after the plan's are part of a run. It is used
// inside Do.
func NewPlannedVM(p *Plan, m *Memory, k *Kernels, s *Stream, before, after []kernels.Args) *VM {
	return &VM{plan: p, memory: m, kernels: k, stream: s, before: before, after: after}
}

// NewVM makes a VM that computes the wanted nodes of a graph. A run reads the inputs' values from
// the host and binds the results to the wanted nodes. Too little device memory is an
// *OutOfMemoryError.
func NewVM(c *Context, g *G.ExprGraph, wanted ...*G.Node) (*VM, error) {
	block := &Block{}
	control := block.Take(kernels.ControlBytes)
	plan, err := NewPlan(g, wanted, PlanConfig{Block: block, Control: control})
	if err != nil {
		return nil, err
	}
	vm := &VM{plan: plan, context: c, wanted: wanted}
	err = c.Do(func() error {
		var err error
		if vm.kernels, err = c.LoadKernels(); err != nil {
			return err
		}
		if vm.stream, err = c.NewStream(); err != nil {
			return err
		}
		if vm.memory, err = c.NewMemory(vm.stream, block, 1); err != nil {
			return err
		}
		if vm.staging, vm.free, err = c.Pinned(int(block.Bytes())); err != nil {
			return errors.Join(err, vm.memory.Close())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return vm, nil
}

// Len returns the number of kernels of a run.
func (vm *VM) Len() int { return len(vm.before) + vm.plan.Len() + len(vm.after) }

// Queue puts a run on the stream. It is called inside Do.
func (vm *VM) Queue() error {
	if vm.graph == nil {
		if err := vm.capture(); err != nil {
			return err
		}
	}
	return vm.graph.Launch(vm.stream)
}

func (vm *VM) capture() (err error) {
	lanes := []*Stream{vm.stream}
	defer func() {
		for _, s := range lanes[1:] {
			err = errors.Join(err, s.Close())
		}
	}()
	for range vm.plan.Lanes() - 1 {
		s, err := vm.stream.c.NewStream()
		if err != nil {
			return err
		}
		lanes = append(lanes, s)
	}
	vm.graph, err = vm.stream.Capture(func() error { return vm.launch(lanes) })
	return err
}

func (vm *VM) launch(lanes []*Stream) error {
	m := vm.memory
	for _, a := range vm.before {
		if err := vm.kernels.Launch(vm.stream, a, m.Agents); err != nil {
			return err
		}
	}
	if err := vm.plan.Queue(vm.kernels, m, lanes...); err != nil {
		return err
	}
	for _, a := range vm.after {
		if err := vm.kernels.Launch(vm.stream, a, m.Agents); err != nil {
			return err
		}
	}
	return nil
}

// RunAll computes every node. A VM of NewPlannedVM only queues that.
func (vm *VM) RunAll() error {
	if vm.context == nil {
		return vm.Queue()
	}
	return vm.context.Do(func() error {
		if err := vm.upload(); err != nil {
			return err
		}
		if err := vm.Queue(); err != nil {
			return err
		}
		if err := vm.stream.CopyOut(vm.staging, vm.memory.Base); err != nil {
			return err
		}
		if err := vm.stream.Sync(); err != nil {
			return err
		}
		return vm.bind()
	})
}

// upload copies the inputs' values and a control block that allows one step.
func (vm *VM) upload() error {
	control := kernels.Control{Steps: 1}
	for _, l := range vm.plan.losses {
		coef, err := ops.Elements[float32](l.coef.Value())
		if err != nil || len(coef) != 3 {
			return fmt.Errorf("cuda: %q has no three coefficients: %w", l.coef.Name(), err)
		}
		control.Clip, control.ValueCoef, control.EntropyCoef = float64(coef[0]), float64(coef[1]), float64(coef[2])
	}
	at := vm.plan.cfg.Control
	copy(vm.staging[at:], unsafe.Slice((*byte)(unsafe.Pointer(&control)), kernels.ControlBytes))
	if err := vm.stream.CopyIn(vm.memory.At(0, at), vm.staging[at:at+kernels.ControlBytes]); err != nil {
		return err
	}
	for _, n := range vm.plan.inputs {
		x, err := ops.Elements[float32](n.Value())
		if err != nil {
			return fmt.Errorf("cuda: %q: %w", n.Name(), err)
		}
		at := vm.plan.place[n]
		dst := vm.staging[at : at+bytesOf(n)]
		copy(dst, bytesIn(x))
		if err := vm.stream.CopyIn(vm.memory.At(0, at), dst); err != nil {
			return err
		}
	}
	return nil
}

// bind gives the wanted nodes the values that came back.
func (vm *VM) bind() error {
	for _, n := range vm.wanted {
		var data []float32
		if at, ok := vm.plan.place[n]; ok {
			data = append(data, floatsIn[float32](vm.staging[at:at+bytesOf(n)])...)
		} else {
			data = vm.lossValue(n)
		}
		var v G.Value
		if n.IsScalar() {
			v = G.NewF32(data[0])
		} else {
			v = tensor.New(tensor.WithShape(n.Shape()...), tensor.WithBacking(data))
		}
		if err := G.UnsafeLet(n, v); err != nil {
			return err
		}
	}
	return nil
}

// lossValue adds up the sums of a loss: the loss, or its diagnostics.
func (vm *VM) lossValue(n *G.Node) []float32 {
	for _, l := range vm.plan.losses {
		if n != l.node && n != l.diagnosis {
			continue
		}
		at := vm.plan.scratch[l.node]
		sums := floatsIn[float64](vm.staging[at : at+l.sumBytes()])
		d := make([]float64, ops.Deviation+1)
		for i, x := range sums {
			if j := ops.Diagnostic(i % len(d)); j == ops.Deviation {
				d[j] = max(d[j], x)
			} else {
				d[j] += x
			}
		}
		if n == l.node {
			coef, _ := ops.Elements[float32](l.coef.Value())
			return []float32{float32(d[ops.PolicyLoss] + float64(coef[1])*d[ops.ValueLoss] - float64(coef[2])*d[ops.Entropy])}
		}
		out := make([]float32, len(d))
		for i, x := range d {
			out[i] = float32(x)
		}
		return out
	}
	panic("cuda: a wanted node without a value")
}

// bytesIn returns the memory of x.
func bytesIn[T any](x []T) []byte {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), len(x)*int(unsafe.Sizeof(x[0])))
}

// floatsIn returns memory as numbers.
func floatsIn[T float32 | float64](b []byte) []T {
	var zero T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(zero)))
}

// Reset does nothing, since no state outlasts a run.
func (vm *VM) Reset() {}

// Close gives back what the VM took. A planned one is closed inside Do, and its
// memory is not its own.
func (vm *VM) Close() error {
	var err error
	if vm.graph != nil {
		err = vm.graph.Close()
		vm.graph = nil
	}
	if vm.context == nil {
		return err
	}
	return errors.Join(err, vm.context.Do(func() error {
		vm.free()
		return errors.Join(vm.memory.Close(), vm.stream.Close())
	}))
}
