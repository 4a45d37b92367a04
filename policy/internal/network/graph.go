package network

import (
	"fmt"
	"sync"

	G "gorgonia.org/gorgonia"

	"paspo/internal/blas"
	"paspo/internal/ops"
)

// Graph is the computation of one minibatch of training: the loss of PPO over encoder,
// heads and critic, and its gradients by all parameters. Activations are ReLU;
// the latent and all outputs are linear.
type Graph[T blas.Float] struct {
	Expr *G.ExprGraph

	// Inputs of a minibatch of M rows.
	Obs, Prefix                    []T // M x obs, M x entities
	LogX, Log1mX, LogWidth, Mask   []T // M x heads
	Old, Advantage, Target, Weight []T // M; Old holds log-probabilities under the old policy
	Coef                           []T // Clip, ValueCoef, EntropyCoef of policy.Settings

	// Results. Gradients are written to the slice that NewGraph is given.
	Terms     []T // M x 2: log-probability and entropy
	Loss      []T // 1
	Diagnosis []T // see ops.Diagnostic

	TermsNode *G.Node
	Inputs    G.Nodes      // of the inputs above, in that order
	Weights   G.Nodes      // the parameters, in the order of the layout
	Gradients G.Nodes      // of the loss by Weights, in the same order
	Wanted    G.Nodes      // loss, diagnostics, gradients
	Step      *ops.Machine // computes the wanted nodes
	Forward   *ops.Machine // computes the terms alone
}

// buildMutex is held while a graph is built: all of Gorgonia's graphs share constants.
var buildMutex sync.Mutex

// NewGraph builds the graph for minibatches of m rows, and the machines that run it. A run
// reads the parameters from params and writes the gradients to grads, in the same layout.
func NewGraph[T blas.Float](l *Layout, shape ops.Shape, m int, params, grads []T) (*Graph[T], error) {
	buildMutex.Lock()
	defer buildMutex.Unlock()

	g := &Graph[T]{Expr: G.NewGraph()}
	if err := g.build(l, shape, m, params); err != nil {
		return nil, err
	}
	var err error
	for i, n := range g.Gradients {
		if err := ops.PlaceResult(n, Slice(grads, &l.Tensors[i])); err != nil {
			return nil, err
		}
	}
	if g.Step, err = ops.NewMachine(g.Expr, g.Wanted...); err != nil {
		return nil, err
	}
	if g.Forward, err = ops.NewMachine(g.Expr, g.TermsNode); err != nil {
		return nil, err
	}
	for _, r := range []struct {
		n   *G.Node
		dst *[]T
	}{{g.TermsNode, &g.Terms}, {g.Wanted[0], &g.Loss}, {g.Wanted[1], &g.Diagnosis}} {
		if *r.dst, err = ops.Elements[T](r.n.Value()); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// NewExpression builds the graph without machines, for a device that has its own.
func NewExpression(l *Layout, shape ops.Shape, m int, params []float32) (*Graph[float32], error) {
	buildMutex.Lock()
	defer buildMutex.Unlock()

	g := &Graph[float32]{Expr: G.NewGraph()}
	return g, g.build(l, shape, m, params)
}

func (g *Graph[T]) build(l *Layout, shape ops.Shape, m int, params []T) error {
	input := func(name string, dims ...int) (*G.Node, []T) {
		size := 1
		for _, d := range dims {
			size *= d
		}
		data := make([]T, size)
		n := inputNode(g.Expr, name, data, dims)
		g.Inputs = append(g.Inputs, n)
		return n, data
	}
	var obs, prefix, logX, log1mX, logWidth, mask *G.Node
	in := &ops.LossInputs{}
	obs, g.Obs = input("obs", m, l.Obs)
	prefix, g.Prefix = input("prefix", m, l.Entities)
	logX, g.LogX = input("logX", m, l.Heads)
	log1mX, g.Log1mX = input("log1mX", m, l.Heads)
	logWidth, g.LogWidth = input("logWidth", m, l.Heads)
	mask, g.Mask = input("mask", m, l.Heads)
	in.Old, g.Old = input("oldLogProb", m)
	in.Advantage, g.Advantage = input("advantage", m)
	in.Target, g.Target = input("return", m)
	in.Weight, g.Weight = input("weight", m)
	in.Coef, g.Coef = input("coef", 3)

	tensor := func(net string, layer int, bias bool) *G.Node {
		s := l.Find(net, layer, bias)
		n := inputNode(g.Expr, s.Name, Slice(params, s), s.Shape)
		g.Weights = append(g.Weights, n)
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
	dense := func(x *G.Node, net string, heads, from, layers int) *G.Node {
		for i := from; i < layers && err == nil; i++ {
			y, e := ops.NewDense[T](heads, i < layers-1, x, tensor(net, i, false), tensor(net, i, true))
			x = name(y, e, fmt.Sprintf("%s.%d", net, i))
		}
		return x
	}

	latent := dense(obs, "encoder", 0, 0, len(l.Encoder))
	if err != nil {
		return err
	}
	first, e := ops.NewMasked[T](l.Heads, len(l.Head) > 1, latent, prefix, tensor("heads", 0, false), tensor("heads", 0, true))
	first = name(first, e, "heads.0")
	logits := dense(first, "heads", l.Heads, 1, len(l.Head))
	value := dense(obs, "critic", 0, 0, len(l.Critic))
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

	g.TermsNode = terms
	if g.Gradients, err = G.Grad(loss, g.Weights...); err != nil {
		return err
	}
	for i, n := range g.Gradients {
		G.WithName("the gradient of " + l.Tensors[i].Name)(n)
	}
	diagnosis, e := ops.NewLossDiagnostics[T](in)
	diagnosis = name(diagnosis, e, "diagnostics")
	g.Wanted = append(G.Nodes{loss, diagnosis}, g.Gradients...)
	return err
}

// inputNode makes an input node that reads its value from data.
func inputNode[T blas.Float](g *G.ExprGraph, name string, data []T, shape []int) *G.Node {
	return G.NewTensor(g, ops.Dtype[T](), len(shape), G.WithShape(shape...), G.WithName(name),
		G.WithValue(ops.Tensor(data, shape...)))
}
