package ops

import (
	"fmt"

	G "gorgonia.org/gorgonia"

	"paspo/internal/blas"
	"paspo/internal/finite"
)

// Machine is a gorgonia.VM that runs the part of a graph that some nodes need,
// in an order fixed when it is made. gorgonia.Grad also builds gradients that
// nobody asks for, those of the observations; they are left out here. Values of
// inputs are read where they were bound when the machine was made.
type Machine struct {
	steps []step
}

type step struct {
	node *G.Node
	op   runner
}

// runner is what the machine needs of an op.
type runner interface {
	G.Op
	bind(in []G.Value) error
	result() G.Value
	exec()
	nonFinite() bool
}

var _ G.VM = (*Machine)(nil)

// NewMachine plans a run that computes the wanted nodes. It is an error if one
// of them needs an op from elsewhere or an input without a value.
func NewMachine(g *G.ExprGraph, wanted ...*G.Node) (*Machine, error) {
	m := &Machine{}
	done := map[*G.Node]bool{}
	var visit func(n *G.Node) error
	visit = func(n *G.Node) error {
		if done[n] {
			return nil
		}
		done[n] = true
		if n.Op() == nil || n.Op().Arity() == 0 {
			if n.Value() == nil {
				return fmt.Errorf("ops: %v has no value", n)
			}
			return nil
		}
		op, ok := n.Op().(runner)
		if !ok {
			return fmt.Errorf("ops: no kernel for %v (%T)", n.Op(), n.Op())
		}
		var in []G.Value
		for it := g.From(n.ID()); it.Next(); {
			c := it.Node().(*G.Node)
			if err := visit(c); err != nil {
				return err
			}
			in = append(in, c.Value())
		}
		if err := op.bind(in); err != nil {
			return err
		}
		if err := G.UnsafeLet(n, op.result()); err != nil {
			return err
		}
		m.steps = append(m.steps, step{n, op})
		return nil
	}
	for _, n := range wanted {
		if err := visit(n); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// RunAll computes every node. Its error is always nil.
func (m *Machine) RunAll() error {
	for i := range m.steps {
		m.steps[i].op.exec()
	}
	return nil
}

// Reset does nothing, since no state outlasts a run.
func (m *Machine) Reset() {}

// Close does nothing.
func (m *Machine) Close() error { return nil }

// Len returns the number of ops in a run.
func (m *Machine) Len() int { return len(m.steps) }

// Nodes returns the nodes in the order in which a run computes them.
func (m *Machine) Nodes() G.Nodes {
	ns := make(G.Nodes, len(m.steps))
	for i, s := range m.steps {
		ns[i] = s.node
	}
	return ns
}

// NonFinite returns the first node, in the order of a run, whose value holds a
// NaN or an Inf, nil if there is none.
func (m *Machine) NonFinite() *G.Node {
	for _, s := range m.steps {
		if s.op.nonFinite() {
			return s.node
		}
	}
	return nil
}

func (o *op[T]) nonFinite() bool { return !finite.All(o.out) }

// PlaceResult makes the op of a node write its result to dst, which must have
// as many elements. It is called before the node is part of a machine.
func PlaceResult[T blas.Float](n *G.Node, dst []T) error {
	o, ok := n.Op().(*op[T])
	if !ok || n.Shape().TotalSize() != len(dst) || n.IsScalar() {
		return fmt.Errorf("ops: %v cannot write to %d elements", n, len(dst))
	}
	o.value, o.out, o.seen = Tensor(dst, n.Shape()...), dst, nil
	return nil
}
