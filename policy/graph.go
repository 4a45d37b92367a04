package policy

import (
	"fmt"
	"sync"

	G "gorgonia.org/gorgonia"

	"paspo/internal/blas"
	"paspo/internal/ops"
)

// graph is the training graph of one minibatch: the loss of PPO over encoder,
// heads and critic, and its gradients by all parameters. Activations are ReLU;
// the latent and all outputs are linear.
type graph[T blas.Float] struct {
	expr *G.ExprGraph

	// Inputs, and what a run writes. Gradients go to the slice given to newGraph.
	obs, prefix                    []T // M x obs, M x entities
	logX, log1mX, logWidth, mask   []T // M x heads
	old, advantage, target, weight []T // M
	coef                           []T // clip, value, entropy

	terms     []T // M x 2
	loss      []T // 1
	diagnosis []T // see ops.Diagnostic

	termsNode *G.Node
	inputs    G.Nodes      // those of the slices above, in that order
	weights   G.Nodes      // the parameters, in the order of the layout
	gradients G.Nodes      // likewise
	wanted    G.Nodes      // loss, diagnostics, gradients
	step      *ops.Machine // computes the wanted nodes
	forward   *ops.Machine // computes terms alone
}

// Building touches constants that all of Gorgonia's graphs share.
var buildMutex sync.Mutex

// newGraph builds the graph for minibatches of m rows over the parameters in
// params, and the machines that run it. The gradients of a run are written to
// grads, laid out alike.
func newGraph[T blas.Float](l *layout, shape ops.Shape, m int, params, grads []T) (*graph[T], error) {
	buildMutex.Lock()
	defer buildMutex.Unlock()

	g := &graph[T]{expr: G.NewGraph()}
	if err := g.build(l, shape, m, params); err != nil {
		return nil, err
	}
	var err error
	for i, n := range g.gradients {
		if err := ops.PlaceResult(n, slice(grads, &l.tensors[i])); err != nil {
			return nil, err
		}
	}
	if g.step, err = ops.NewMachine(g.expr, g.wanted...); err != nil {
		return nil, err
	}
	if g.forward, err = ops.NewMachine(g.expr, g.termsNode); err != nil {
		return nil, err
	}
	for _, r := range []struct {
		n   *G.Node
		dst *[]T
	}{{g.termsNode, &g.terms}, {g.wanted[0], &g.loss}, {g.wanted[1], &g.diagnosis}} {
		if *r.dst, err = ops.Elements[T](r.n.Value()); err != nil {
			return nil, err
		}
	}
	return g, nil
}

func (g *graph[T]) build(l *layout, shape ops.Shape, m int, params []T) error {
	input := func(name string, dims ...int) (*G.Node, []T) {
		size := 1
		for _, d := range dims {
			size *= d
		}
		data := make([]T, size)
		n := bound(g.expr, name, data, dims)
		g.inputs = append(g.inputs, n)
		return n, data
	}
	var obs, prefix, logX, log1mX, logWidth, mask *G.Node
	in := &ops.LossInputs{}
	obs, g.obs = input("obs", m, l.obs)
	prefix, g.prefix = input("prefix", m, l.entities)
	logX, g.logX = input("logX", m, l.heads)
	log1mX, g.log1mX = input("log1mX", m, l.heads)
	logWidth, g.logWidth = input("logWidth", m, l.heads)
	mask, g.mask = input("mask", m, l.heads)
	in.Old, g.old = input("oldLogProb", m)
	in.Advantage, g.advantage = input("advantage", m)
	in.Target, g.target = input("return", m)
	in.Weight, g.weight = input("weight", m)
	in.Coef, g.coef = input("coef", 3)

	tensor := func(net string, layer int, bias bool) *G.Node {
		s := l.find(net, layer, bias)
		n := bound(g.expr, s.name, slice(params, s), s.shape)
		g.weights = append(g.weights, n)
		return n
	}
	var err error
	name := func(n *G.Node, e error, name string) *G.Node {
		if err == nil {
			err = e
		}
		if n != nil {
			G.WithName(name)(n)
		}
		return n
	}
	chain := func(x *G.Node, net string, heads, from, layers int) *G.Node {
		for i := from; i < layers && err == nil; i++ {
			y, e := ops.NewDense[T](heads, i < layers-1, x, tensor(net, i, false), tensor(net, i, true))
			x = name(y, e, fmt.Sprintf("%s.%d", net, i))
		}
		return x
	}

	latent := chain(obs, "encoder", 0, 0, len(l.encoder))
	if err != nil {
		return err
	}
	first, e := ops.NewMasked[T](l.heads, len(l.head) > 1, latent, prefix, tensor("heads", 0, false), tensor("heads", 0, true))
	first = name(first, e, "heads.0")
	logits := chain(first, "heads", l.heads, 1, len(l.head))
	value := chain(obs, "critic", 0, 0, len(l.critics))
	if err != nil {
		return err
	}
	terms, e := ops.NewBetaTerms[T](shape, logits, logX, log1mX, logWidth, mask)
	if terms = name(terms, e, "log-probability and entropy"); err != nil {
		return err
	}
	in.Terms, in.Value = terms, value
	loss, e := ops.NewLoss[T](in)
	if loss = name(loss, e, "loss"); err != nil {
		return err
	}

	g.termsNode = terms
	if g.gradients, err = G.Grad(loss, g.weights...); err != nil {
		return err
	}
	for i, n := range g.gradients {
		G.WithName("the gradient of " + l.tensors[i].name)(n)
	}
	diagnosis, e := ops.NewLossDiagnostics[T](in)
	diagnosis = name(diagnosis, e, "diagnostics")
	g.wanted = append(G.Nodes{loss, diagnosis}, g.gradients...)
	return err
}

// bound makes an input node over data.
func bound[T blas.Float](g *G.ExprGraph, name string, data []T, shape []int) *G.Node {
	return G.NewTensor(g, ops.Dtype[T](), len(shape), G.WithShape(shape...), G.WithName(name),
		G.WithValue(ops.Tensor(data, shape...)))
}
