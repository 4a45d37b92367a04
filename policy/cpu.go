package policy

import (
	"fmt"
	"math"

	"paspo/internal/blas"
	"paspo/internal/ops"
	"paspo/lp"
)

const badBatch = "policy: bad length of a batch"

// CPU is the backend that runs on the processor: training is a graph of
// Gorgonia's, sampling decodes the same weights entity by entity.
type CPU struct {
	model

	params, grads []float32
	opt           adam
	graph         *graph[float32]

	batch *Batch
	old   []float32 // log-probabilities of the batch
	kept  Batch     // samples of the rollout

	norm *Normalizer
	obs  []float32 // of the request at hand, normalised

	sums  Diagnostics // sums over steps since the last call
	wrong error       // the first thing that was not finite

	decoder decoder
}

var _ Backend = (*CPU)(nil)

// Arithmetic names what the last bits of results depend on.
func (c *CPU) Arithmetic() string { return c.Device() + " " + blas.Level() }

// NewCPU makes a policy for the polytope of the solver and observations of
// obsDim components, which learns from minibatches of at most minibatch rows.
// fit is nil for a plain initialisation. The parameters depend on seed alone.
// The solver is not closed with the backend.
func NewCPU(solver lp.Solver, obsDim, minibatch int, cfg Config, fit *Fit, seed uint64) (*CPU, error) {
	m, params, err := newModel(solver, obsDim, minibatch, cfg, fit, seed)
	if err != nil {
		return nil, err
	}
	c := &CPU{
		model: *m, params: params, grads: make([]float32, m.layout.size),
		opt:  adam{m: make([]float32, m.layout.size), v: make([]float32, m.layout.size)},
		norm: NewNormalizer(obsDim, false, 0),
	}
	if c.graph, err = newGraph(c.layout, c.shape, minibatch, c.params, c.grads); err != nil {
		return nil, err
	}
	c.decoder.init(c)
	return c, nil
}

// Device implements Backend.
func (c *CPU) Device() string { return "CPU" }

// Close implements Backend.
func (c *CPU) Close() error {
	c.decoder.close()
	return nil
}

// Load implements Backend.
func (c *CPU) Load(b *Batch) error {
	n, l := b.Rows, c.layout
	if b.kept() {
		if n > c.kept.Rows {
			return fmt.Errorf("policy: a batch of %d rows where %d were kept", n, c.kept.Rows)
		}
		k := c.kept
		b = &Batch{
			Rows: n, Advantage: b.Advantage, Return: b.Return, Obs: k.Obs[:n*l.obs], Prefix: k.Prefix[:n*l.entities],
			LogX: k.LogX[:n*c.heads], Log1mX: k.Log1mX[:n*c.heads], LogWidth: k.LogWidth[:n*c.heads], Mask: k.Mask[:n*c.heads],
		}
	}
	if err := c.checkBatch(b); err != nil {
		return err
	}
	c.batch = b
	if cap(c.old) < n {
		c.old = make([]float32, n)
	}
	c.old = c.old[:n]
	g := c.graph
	for at := 0; at < n; at += c.minibatch {
		m := min(c.minibatch, n-at)
		for i := range m {
			c.gather(i, at+i)
		}
		if err := g.forward.RunAll(); err != nil {
			return err
		}
		for i := range m {
			c.old[at+i] = g.terms[2*i]
		}
	}
	return nil
}

// keep stores samples as rows of the rollout.
func (c *CPU) keep(req *Request, s *Samples) {
	k := &c.kept
	k.Rows = max(k.Rows, req.At+req.Rows)
	for _, f := range []struct {
		dst   *[]float32
		src   []float32
		width int
	}{
		{&k.Obs, c.obs, c.layout.obs}, {&k.Prefix, s.Prefix, c.layout.entities},
		{&k.LogX, s.LogX, c.heads}, {&k.Log1mX, s.Log1mX, c.heads}, {&k.LogWidth, s.LogWidth, c.heads}, {&k.Mask, s.Mask, c.heads},
	} {
		if n := k.Rows * f.width; len(*f.dst) < n {
			*f.dst = append(*f.dst, make([]float32, n-len(*f.dst))...)
		}
		copy((*f.dst)[req.At*f.width:], f.src)
	}
}

// gather copies a row of the batch to row i of the minibatch.
func (c *CPU) gather(i, row int) {
	b, g, l := c.batch, c.graph, c.layout
	copyRow(g.obs, i, b.Obs, row, l.obs)
	copyRow(g.prefix, i, b.Prefix, row, l.entities)
	copyRow(g.logX, i, b.LogX, row, c.heads)
	copyRow(g.log1mX, i, b.Log1mX, row, c.heads)
	copyRow(g.logWidth, i, b.LogWidth, row, c.heads)
	copyRow(g.mask, i, b.Mask, row, c.heads)
	g.old[i] = c.old[row]
	g.advantage[i], g.target[i] = b.Advantage[row], b.Return[row]
}

func copyRow(dst []float32, i int, src []float32, row, width int) {
	copy(dst[i*width:(i+1)*width], src[row*width:])
}

// Step implements Backend.
func (c *CPU) Step(rows []int32, s Settings) error {
	if c.wrong != nil {
		return c.wrong
	}
	if err := c.checkStep(c.batch, rows); err != nil {
		return err
	}
	g := c.graph
	for i, r := range rows {
		c.gather(i, int(r))
		g.weight[i] = 1 / float32(len(rows))
	}
	// The rows of an earlier minibatch that stay behind have no weight.
	clear(g.weight[len(rows):])
	g.coef[0], g.coef[1], g.coef[2] = float32(s.Clip), float32(s.ValueCoef), float32(s.EntropyCoef)
	if err := g.step.RunAll(); err != nil {
		return err
	}

	loss := float64(g.loss[0])
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return c.fail()
	}
	norm, ok := c.opt.apply(c.params, c.grads, &s)
	if math.IsNaN(norm) || math.IsInf(norm, 0) || !ok {
		return c.fail()
	}
	c.decoder.stale = true
	c.record(norm)
	return nil
}

func (c *CPU) record(norm float64) {
	d, sums := c.graph.diagnosis, &c.sums
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
func (c *CPU) fail() error {
	e := &NonFiniteError{Tensor: "the norm of the gradient", Step: c.opt.step}
	c.wrong = e
	g := c.graph
	for _, t := range []struct {
		name string
		data []float32
	}{
		{"obs", g.obs}, {"prefix", g.prefix}, {"logX", g.logX}, {"log1mX", g.log1mX}, {"logWidth", g.logWidth},
		{"mask", g.mask}, {"advantage", g.advantage}, {"return", g.target}, {"coef", g.coef},
	} {
		if !ops.Finite(t.data) {
			e.Tensor = t.name + " of the minibatch"
			return e
		}
	}
	for i := range c.layout.tensors {
		if s := &c.layout.tensors[i]; !ops.Finite(slice(c.params, s)) {
			e.Tensor = s.name
			return e
		}
	}
	if !ops.Finite(g.old) {
		e.Tensor = "oldLogProb of the minibatch"
	} else if n := g.step.NonFinite(); n != nil {
		e.Tensor = n.Name()
	}
	return e
}

// Diagnostics implements Backend.
func (c *CPU) Diagnostics() (Diagnostics, error) {
	d := c.sums.mean()
	c.sums = Diagnostics{}
	return d, c.wrong
}
