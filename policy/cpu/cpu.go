package cpu

import (
	"fmt"
	"math"

	"paspo/internal/blas"
	"paspo/internal/finite"
	"paspo/internal/ops"
	"paspo/lp"
	"paspo/policy"
	"paspo/policy/internal/adam"
	"paspo/policy/internal/network"
)

// Backend is the backend that runs on the processor: training is a graph of
// Gorgonia's, sampling decodes the same weights entity by entity.
type Backend struct {
	network.Model

	params, grads []float32
	opt           adam.Optimizer
	graph         *network.Graph[float32]

	batch *policy.Batch
	old   []float32    // log-probabilities of the batch
	kept  policy.Batch // samples of the rollout

	norm *policy.Normalizer
	obs  []float32 // of the request at hand, normalised

	sums  policy.Diagnostics // sums over steps since the last call
	wrong error              // the first thing that was not finite

	decoder decoder
}

var _ policy.Backend = (*Backend)(nil)

// Arithmetic names what the last bits of results depend on.
func (c *Backend) Arithmetic() string { return c.Device() + " " + blas.Level() }

// New makes a policy for the polytope of the solver and observations of
// obsDim components, which learns from minibatches of at most minibatch rows.
// fit is nil for a plain initialisation. The parameters depend on seed alone.
// The solver is not closed with the backend.
func New(solver lp.Solver, obsDim, minibatch int, cfg policy.Config, fit *policy.Fit, seed uint64) (*Backend, error) {
	m, params, err := network.NewModel(solver, obsDim, minibatch, cfg, fit, seed)
	if err != nil {
		return nil, err
	}
	c := &Backend{
		Model: *m, params: params, grads: make([]float32, m.Layout.Size),
		opt:  adam.Optimizer{M: make([]float32, m.Layout.Size), V: make([]float32, m.Layout.Size)},
		norm: policy.NewNormalizer(obsDim, false, 0),
	}
	if c.graph, err = network.NewGraph(c.Layout, c.Shape, minibatch, c.params, c.grads); err != nil {
		return nil, err
	}
	c.decoder.init(c)
	return c, nil
}

// Device implements Backend.
func (c *Backend) Device() string { return "CPU" }

// Close implements Backend.
func (c *Backend) Close() error {
	c.decoder.close()
	return nil
}

// Load implements Backend.
func (c *Backend) Load(b *policy.Batch) error {
	n, l := b.Rows, c.Layout
	if b.Kept() {
		if n > c.kept.Rows {
			return fmt.Errorf("policy: a batch of %d rows where %d were kept", n, c.kept.Rows)
		}
		k := c.kept
		b = &policy.Batch{
			Rows: n, Advantage: b.Advantage, Return: b.Return, Obs: k.Obs[:n*l.Obs], Prefix: k.Prefix[:n*l.Entities],
			LogX: k.LogX[:n*c.Heads], Log1mX: k.Log1mX[:n*c.Heads], LogWidth: k.LogWidth[:n*c.Heads], Mask: k.Mask[:n*c.Heads],
		}
	}
	if err := c.CheckBatch(b); err != nil {
		return err
	}
	c.batch = b
	if cap(c.old) < n {
		c.old = make([]float32, n)
	}
	c.old = c.old[:n]
	g := c.graph
	for at := 0; at < n; at += c.Minibatch {
		m := min(c.Minibatch, n-at)
		for i := range m {
			c.gather(i, at+i)
		}
		if err := g.Forward.RunAll(); err != nil {
			return err
		}
		for i := range m {
			c.old[at+i] = g.Terms[2*i]
		}
	}
	return nil
}

// keep stores samples as rows of the rollout.
func (c *Backend) keep(req *policy.Request, s *policy.Samples) {
	k := &c.kept
	k.Rows = max(k.Rows, req.At+req.Rows)
	for _, f := range []struct {
		dst   *[]float32
		src   []float32
		width int
	}{
		{&k.Obs, c.obs, c.Layout.Obs}, {&k.Prefix, s.Prefix, c.Layout.Entities},
		{&k.LogX, s.LogX, c.Heads}, {&k.Log1mX, s.Log1mX, c.Heads}, {&k.LogWidth, s.LogWidth, c.Heads}, {&k.Mask, s.Mask, c.Heads},
	} {
		if n := k.Rows * f.width; len(*f.dst) < n {
			*f.dst = append(*f.dst, make([]float32, n-len(*f.dst))...)
		}
		copy((*f.dst)[req.At*f.width:], f.src)
	}
}

// gather copies a row of the batch to row i of the minibatch.
func (c *Backend) gather(i, row int) {
	b, g, l := c.batch, c.graph, c.Layout
	copyRow(g.Obs, i, b.Obs, row, l.Obs)
	copyRow(g.Prefix, i, b.Prefix, row, l.Entities)
	copyRow(g.LogX, i, b.LogX, row, c.Heads)
	copyRow(g.Log1mX, i, b.Log1mX, row, c.Heads)
	copyRow(g.LogWidth, i, b.LogWidth, row, c.Heads)
	copyRow(g.Mask, i, b.Mask, row, c.Heads)
	g.Old[i] = c.old[row]
	g.Advantage[i], g.Target[i] = b.Advantage[row], b.Return[row]
}

func copyRow(dst []float32, i int, src []float32, row, width int) {
	copy(dst[i*width:(i+1)*width], src[row*width:])
}

// Step implements Backend.
func (c *Backend) Step(rows []int32, s policy.Settings) error {
	if c.wrong != nil {
		return c.wrong
	}
	if err := c.CheckStep(c.batch, rows); err != nil {
		return err
	}
	g := c.graph
	for i, r := range rows {
		c.gather(i, int(r))
		g.Weight[i] = 1 / float32(len(rows))
	}
	// The rows of an earlier minibatch that stay behind have no weight.
	clear(g.Weight[len(rows):])
	g.Coef[0], g.Coef[1], g.Coef[2] = float32(s.Clip), float32(s.ValueCoef), float32(s.EntropyCoef)
	if err := g.Step.RunAll(); err != nil {
		return err
	}

	loss := float64(g.Loss[0])
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return c.fail()
	}
	norm, ok := c.opt.Apply(c.params, c.grads, &s)
	if math.IsNaN(norm) || math.IsInf(norm, 0) || !ok {
		return c.fail()
	}
	c.decoder.stale = true
	c.record(norm)
	return nil
}

func (c *Backend) record(norm float64) {
	d, sums := c.graph.Diagnosis, &c.sums
	if sums.Steps == 0 {
		sums.MaxRatioDeviation = float64(d[ops.Deviation])
	}
	sums.Steps++
	sums.PolicyLoss += float64(d[ops.PolicyLoss])
	sums.ValueLoss += float64(d[ops.ValueLoss])
	sums.Entropy += float64(d[ops.Entropy])
	sums.ApproxKL += float64(d[ops.KL])
	sums.ClipFraction += float64(d[ops.ClipFraction])
	sums.GradNorm += norm
}

// fail finds what is not finite: the inputs first, then the parameters, then
// the nodes in the order of computation.
func (c *Backend) fail() error {
	e := &policy.NonFiniteError{Tensor: "the norm of the gradient", Step: c.opt.Step}
	c.wrong = e
	g := c.graph
	for _, t := range []struct {
		name string
		data []float32
	}{
		{"obs", g.Obs}, {"prefix", g.Prefix}, {"logX", g.LogX}, {"log1mX", g.Log1mX}, {"logWidth", g.LogWidth},
		{"mask", g.Mask}, {"advantage", g.Advantage}, {"return", g.Target}, {"coef", g.Coef},
	} {
		if !finite.All(t.data) {
			e.Tensor = t.name + " of the minibatch"
			return e
		}
	}
	for i := range c.Layout.Tensors {
		if s := &c.Layout.Tensors[i]; !finite.All(network.Slice(c.params, s)) {
			e.Tensor = s.Name
			return e
		}
	}
	if !finite.All(g.Old) {
		e.Tensor = "oldLogProb of the minibatch"
	} else if n := g.Step.NonFinite(); n != nil {
		e.Tensor = n.Name()
	}
	return e
}

// Diagnostics implements Backend.
func (c *Backend) Diagnostics() (policy.Diagnostics, error) {
	d := c.sums.Mean()
	c.sums = policy.Diagnostics{}
	return d, c.wrong
}
