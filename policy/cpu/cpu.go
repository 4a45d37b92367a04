package cpu

import (
	"cmp"
	"fmt"
	"runtime"

	"paspo/internal/blas"
	"paspo/internal/finite"
	"paspo/lp"
	"paspo/policy"
	"paspo/policy/internal/adam"
	"paspo/policy/internal/network"
)

// Backend is the backend that runs on the processor.
type Backend struct {
	network.Model

	net           *blas.Network
	params, grads []float32      // in the layout of net
	transposed    []float32      // weights of params, transposed by net
	opt           adam.Optimizer // in the layout of net
	threads       int            // of gradient steps, 0 for GOMAXPROCS
	trainer       *blas.Trainer  // nil until a batch is loaded
	team          *blas.Team

	batch *policy.Batch
	old   []float32    // log-probabilities of the batch under the old policy
	kept  policy.Batch // rows of the rollout (see policy.Request.Keep)

	normalizer *policy.Normalizer
	obs        []float32 // of the present request, normalised

	sums      policy.Diagnostics // over the steps since the last Diagnostics
	nonFinite error              // of the first step that was not finite

	decoder decoder
}

var _ policy.Backend = (*Backend)(nil)

// Arithmetic names the device and the instructions that the last bits of results depend on.
func (c *Backend) Arithmetic() string { return c.Device() + " " + blas.Level() }

// New makes a policy for the polytope of the solver and observations of
// obsDim components, which learns from minibatches of at most minibatch rows.
// fit sets the initial distributions of the heads; without one they follow from random
// parameters. The random parameters depend on seed alone. The solver is not closed with the
// backend.
func New(solver lp.Solver, obsDim, minibatch int, cfg policy.Config, fit *policy.Fit, seed uint64) (*Backend, error) {
	m, params, err := network.NewModel(solver, obsDim, minibatch, cfg, fit, seed)
	if err != nil {
		return nil, err
	}
	l := m.Layout
	net := blas.NewNetwork(&blas.Sizes{
		Obs: l.Obs, Entities: l.Entities, Heads: m.Heads, Encoder: l.Encoder, Head: l.Head, Critic: l.Critic,
		MinShape: m.Shape.Min, MaxShape: m.Shape.Max,
	})
	c := &Backend{
		Model: *m, net: net, params: net.NewParams(), grads: net.NewParams(), transposed: net.Transposed(),
		opt:        adam.Optimizer{M: net.NewParams(), V: net.NewParams()},
		normalizer: policy.NewNormalizer(obsDim, false, 0),
	}
	l.Pack(net, c.params, params)
	net.Transpose(c.params, c.transposed)
	c.decoder.init(c)
	return c, nil
}

// Flops returns the number of multiplications and additions in the matrix products of a
// gradient step, per row of its minibatch.
func (c *Backend) Flops() int { return c.net.Flops }

// SetThreads sets the number of threads of gradient steps, before the first batch is loaded. The
// default is GOMAXPROCS. Results do not depend on it.
func (c *Backend) SetThreads(n int) { c.threads = n }

// Device implements Backend.
func (c *Backend) Device() string { return "CPU" }

// Close implements Backend.
func (c *Backend) Close() error {
	c.decoder.close()
	c.team.Close()
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
	if c.trainer == nil {
		// More threads than heads would have nothing to do.
		if threads := min(cmp.Or(c.threads, runtime.GOMAXPROCS(0)), c.Heads); threads > 1 {
			c.team = blas.NewTeam(threads)
		}
		c.trainer = c.net.NewTrainer(c.team)
	}
	c.trainer.LogProbs(c.params, c.rollout(), n)
	return nil
}

// rollout returns the loaded batch in the form that C takes.
func (c *Backend) rollout() *blas.Rollout {
	b := c.batch
	return &blas.Rollout{
		Obs: b.Obs, Prefix: b.Prefix, LogX: b.LogX, Log1mX: b.Log1mX, LogWidth: b.LogWidth, Mask: b.Mask,
		Old: c.old, Advantage: b.Advantage, Target: b.Return,
	}
}

// keep stores samples as rows of the rollout, from row req.At on.
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

// Step implements Backend.
func (c *Backend) Step(rows []int32, s policy.Settings) error {
	if c.nonFinite != nil {
		return c.nonFinite
	}
	if err := c.CheckStep(c.batch, rows); err != nil {
		return err
	}
	adamStep := c.opt.Next(&s)
	m := c.trainer.Step(
		&blas.Learned{Params: c.params, Transposed: c.transposed, Grads: c.grads, M: c.opt.M, V: c.opt.V}, c.rollout(), rows,
		&blas.LossTerms{Clip: float64(float32(s.Clip)), Value: float64(float32(s.ValueCoef)), Entropy: float64(float32(s.EntropyCoef))},
		&adamStep, adam.Ceiling(&s))
	if m.Moved {
		c.opt.Step++
	}
	if !m.Moved || !m.Finite {
		return c.findNonFinite(rows, &s)
	}

	d := &c.sums
	if d.Steps == 0 {
		d.MaxRatioDeviation = m.Deviation
	}
	d.Steps++
	d.PolicyLoss += m.PolicyLoss
	d.ValueLoss += m.ValueLoss
	d.Entropy += m.Entropy
	d.ApproxKL += m.KL
	d.ClipFraction += m.ClipFraction
	d.GradNorm += m.Norm
	return nil
}

// findNonFinite returns, and keeps, the error of a step that was not finite. It names the first
// tensor that is not finite among the inputs, then the parameters, then the nodes of the graph
// in the order of computation.
func (c *Backend) findNonFinite(rows []int32, s *policy.Settings) error {
	e := &policy.NonFiniteError{Tensor: "the norm of the gradient", Step: c.opt.Step}
	c.nonFinite = e
	params := c.plain(c.params)
	g, err := network.NewGraph(c.Layout, c.Shape, len(rows), params, make([]float32, len(params)))
	if err != nil {
		return err
	}
	b, l := c.batch, c.Layout
	for i, r := range rows {
		row := int(r)
		copyRow(g.Obs, i, b.Obs, row, l.Obs)
		copyRow(g.Prefix, i, b.Prefix, row, l.Entities)
		copyRow(g.LogX, i, b.LogX, row, c.Heads)
		copyRow(g.Log1mX, i, b.Log1mX, row, c.Heads)
		copyRow(g.LogWidth, i, b.LogWidth, row, c.Heads)
		copyRow(g.Mask, i, b.Mask, row, c.Heads)
		g.Old[i], g.Advantage[i], g.Target[i], g.Weight[i] = c.old[row], b.Advantage[row], b.Return[row], 1/float32(len(rows))
	}
	g.Coef[0], g.Coef[1], g.Coef[2] = float32(s.Clip), float32(s.ValueCoef), float32(s.EntropyCoef)
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
	for i := range l.Tensors {
		if t := &l.Tensors[i]; !finite.All(network.Slice(params, t)) {
			e.Tensor = t.Name
			return e
		}
	}
	if !finite.All(g.Old) {
		e.Tensor = "oldLogProb of the minibatch"
		return e
	}
	if err := g.Step.RunAll(); err != nil {
		return err
	}
	if n := g.Step.NonFinite(); n != nil {
		e.Tensor = n.Name()
	}
	return e
}

func copyRow(dst []float32, i int, src []float32, row, width int) {
	copy(dst[i*width:(i+1)*width], src[row*width:])
}

// Diagnostics implements Backend.
func (c *Backend) Diagnostics() (policy.Diagnostics, error) {
	d := c.sums.Mean()
	c.sums = policy.Diagnostics{}
	return d, c.nonFinite
}
