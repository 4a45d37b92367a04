//go:build gpu

package gpu

import (
	"errors"
	"fmt"
	"slices"

	"paspo/cuda"
	"paspo/kernels"
	"paspo/lp"
	"paspo/policy"
	"paspo/policy/internal/network"
)

// Backend is the backend that runs on a CUDA device. Parameters, optimiser, normaliser,
// kept samples and the tensors of a gradient step stay in the memory of the device. Steps are
// queued on the host and run when their results are needed: by one upload, and one replay of a
// captured graph for every step.
type Backend struct {
	network.Model
	prog  *program
	index int   // of its block in the memory of prog
	time  int64 // gradient steps done

	batch     *policy.Batch
	loading   bool // the batch is not on the device yet
	displaced bool // kept rows have overwritten the batch's samples on the device
	kept      int  // kept rows on the device

	standardises bool    // the normaliser is on
	seen         float64 // observations in the normaliser's statistics, queued ones included

	// The queue of minibatches, each padded with -1 to the size of a minibatch.
	perm, count []int32
	settings    policy.Settings

	sums      policy.Diagnostics // over the steps since the last Diagnostics
	nonFinite error              // of the first step that was not finite

	joined, closed bool // guarded by prog.mu
}

var _ policy.Shared = (*Backend)(nil)

// New makes a policy like cpu.New's on a device, with the same initial
// parameters bit for bit. Too little memory is a *cuda.OutOfMemoryError.
func New(ctx *cuda.Context, solver lp.Solver, obsDim, minibatch int, cfg policy.Config, fit *policy.Fit, seed uint64) (policy.Shared, error) {
	gs, err := NewAll(ctx, []Spec{{
		Solver: solver, ObsDim: obsDim, Minibatch: minibatch, Config: cfg, Fit: fit, Seed: seed,
	}})
	if err != nil {
		return nil, err
	}
	return gs[0], nil
}

// NewAll makes policies that share a device (see policy.Shared). Those whose networks and
// minibatches have the same sizes share launches too. Each has to be closed.
func NewAll(ctx *cuda.Context, specs []Spec) ([]policy.Shared, error) {
	if len(specs) == 0 {
		return nil, errors.New("policy: no policies are asked for: at least 1 is needed")
	}
	all := make([]policy.Shared, len(specs))
	var programs []*program
	initial := map[*Backend][]float32{}
	for i, s := range specs {
		if err := s.Solver.Polytope().RefuseTerms("policy: a GPU"); err != nil {
			return nil, fmt.Errorf("%w: train with backend cpu", err)
		}
		m, params, err := network.NewModel(s.Solver, s.ObsDim, s.Minibatch, s.Config, s.Fit, s.Seed)
		if err != nil {
			return nil, err
		}
		g := &Backend{Model: *m}
		initial[g], all[i] = params, g
		k := slices.IndexFunc(programs, func(p *program) bool { return p.takes(m) })
		if k < 0 {
			k = len(programs)
			programs = append(programs, &program{ctx: ctx, layout: m.Layout, shape: m.Shape, minibatch: m.Minibatch, rows: m.Minibatch, steps: 1})
		}
		p := programs[k]
		g.prog, g.index = p, len(p.agents)
		p.agents = append(p.agents, g)
		p.rows, p.steps = max(p.rows, s.Rows), max(p.steps, s.Steps)
	}
	for i, p := range programs {
		if err := p.start(initial); err != nil {
			for _, p := range programs[:i] {
				err = errors.Join(err, p.stop())
			}
			return nil, err
		}
	}
	return all, nil
}

// Device implements Backend.
func (g *Backend) Device() string {
	d := g.prog.ctx.Device()
	return fmt.Sprintf("GPU %d (%s)", d.Ordinal, d.Name)
}

// Sample implements Backend. Kept rows stay on the device.
func (g *Backend) Sample(req *policy.Request, out *policy.Samples) error {
	if err := req.Check(g.ObsDim(), g.Polytope()); err != nil {
		return err
	}
	g.Resize(out, req.Rows)
	if req.Rows == 0 {
		out.FixedShare, out.MaxResidual = 0, network.NoResidual
		return nil
	}
	job := &sampleJob{g: g, req: req, out: out}
	return g.prog.do(&request{g: g, kind: requestSample, job: job})
}

// Load implements Backend. The batch is uploaded with the first steps on it.
func (g *Backend) Load(b *policy.Batch) error {
	if b.Kept() && b.Rows > g.kept {
		return fmt.Errorf("policy: a batch of %d rows where %d were kept", b.Rows, g.kept)
	}
	if err := g.CheckBatch(b); err != nil {
		return err
	}
	// Queued steps on the batch before run first.
	if err := g.flush(); err != nil && !errors.As(err, new(*policy.NonFiniteError)) {
		return err
	}
	g.batch, g.loading = b, true
	return nil
}

// Step implements Backend. The step is queued.
func (g *Backend) Step(rows []int32, s policy.Settings) error {
	if g.nonFinite != nil {
		return g.nonFinite
	}
	if err := g.CheckStep(g.batch, rows); err != nil {
		return err
	}
	if len(g.count) > 0 && s != g.settings || len(g.count) == maxQueue {
		if err := g.flush(); err != nil {
			return err
		}
	}
	g.settings = s
	g.perm = append(g.perm, rows...)
	for range g.Minibatch - len(rows) {
		g.perm = append(g.perm, -1)
	}
	g.count = append(g.count, int32(len(rows)))
	return nil
}

// maxQueue is the largest number of queued steps.
const maxQueue = 1 << 16

// flush runs the queued steps.
func (g *Backend) flush() error {
	if len(g.count) == 0 {
		return g.nonFinite
	}
	if err := g.prog.do(&request{g: g, kind: requestFlush}); err != nil {
		return err
	}
	return g.nonFinite
}

// Diagnostics implements Backend.
func (g *Backend) Diagnostics() (policy.Diagnostics, error) {
	err := g.flush()
	d := g.sums.Mean()
	g.sums = policy.Diagnostics{}
	return d, err
}

// absorb adds the measurements of the steps that the device has run, from its control block, and
// empties the queue.
func (g *Backend) absorb(c *kernels.Control) {
	if g.sums.Steps == 0 {
		g.sums.MaxRatioDeviation = c.Deviation
	}
	g.sums.Steps += int(c.At)
	g.sums.PolicyLoss += c.PolicyLoss
	g.sums.ValueLoss += c.ValueLoss
	g.sums.Entropy += c.Entropy
	g.sums.ApproxKL += c.KL
	g.sums.ClipFraction += c.ClipFraction
	g.sums.GradNorm += c.GradNorm
	g.time = c.Time
	g.perm, g.count, g.loading = g.perm[:0], g.count[:0], false
}

// State implements Backend, see cpu.Backend.State.
func (g *Backend) State() (*policy.State, error) {
	s := &policy.State{}
	return s, g.prog.do(&request{g: g, kind: requestState, state: s})
}

// SetState implements Backend, see cpu.Backend.SetState.
func (g *Backend) SetState(s *policy.State) error {
	if err := g.Layout.CheckState(s); err != nil {
		return err
	}
	if err := g.prog.do(&request{g: g, kind: requestSetState, state: s}); err != nil {
		return err
	}
	g.time, g.sums, g.nonFinite, g.standardises = s.Step, policy.Diagnostics{}, nil, s.Normalizer.On
	return nil
}

// Join implements Shared.
func (g *Backend) Join() { g.prog.join(g) }

// Leave implements Shared.
func (g *Backend) Leave() { g.prog.leave(g) }

// Close implements Backend. The memory on the device is freed once all backends that share it are
// closed.
func (g *Backend) Close() error { return g.prog.close(g) }
