//go:build gpu

package policy

import (
	"errors"
	"fmt"
	"slices"

	"paspo/cuda"
	"paspo/kernels"
	"paspo/lp"
)

// GPU is the backend that runs on a device of CUDA. Parameters, optimiser,
// normaliser, kept samples and all that a gradient step computes stay in its
// memory. Steps are
// queued on the host and run when their results are asked for: one upload and as
// many replays of one captured graph as there are steps.
type GPU struct {
	model
	prog  *gpuProgram
	index int // of its block in the memory of the program
	time  int64

	batch     *Batch
	loading   bool // the batch is not on the device yet
	displaced bool // its samples have made room for kept rows
	kept      int  // rows on the device

	standardises bool    // its normaliser is on
	seen         float64 // its count, once what is queued is done

	// The queue of minibatches, each padded with -1 to the size of a minibatch.
	perm, count []int32
	settings    Settings

	sums  Diagnostics // sums over steps since the last call
	wrong error       // the first thing that was not finite

	joined, closed bool // under the lock of the program
}

var _ Shared = (*GPU)(nil)

// NewGPU makes a policy like NewCPU's on a device, with the same initial
// parameters bit for bit. Too little memory is a *cuda.OutOfMemoryError.
func NewGPU(ctx *cuda.Context, solver lp.Solver, obsDim, minibatch int, cfg Config, fit *Fit, seed uint64) (Shared, error) {
	gs, err := NewGPUs(ctx, []GPUSpec{{
		Solver: solver, ObsDim: obsDim, Minibatch: minibatch, Config: cfg, Fit: fit, Seed: seed,
	}})
	if err != nil {
		return nil, err
	}
	return gs[0], nil
}

// NewGPUs makes policies that share a device, see Shared. Those whose networks and
// minibatches have the same sizes share its launches too. Each is closed by
// itself.
func NewGPUs(ctx *cuda.Context, specs []GPUSpec) ([]Shared, error) {
	if len(specs) == 0 {
		return nil, errors.New("policy: no policies are asked for: at least 1 is needed")
	}
	all := make([]Shared, len(specs))
	var programs []*gpuProgram
	initial := map[*GPU][]float32{}
	for i, s := range specs {
		m, params, err := newModel(s.Solver, s.ObsDim, s.Minibatch, s.Config, s.Fit, s.Seed)
		if err != nil {
			return nil, err
		}
		g := &GPU{model: *m}
		initial[g], all[i] = params, g
		k := slices.IndexFunc(programs, func(p *gpuProgram) bool { return p.takes(m) })
		if k < 0 {
			k = len(programs)
			programs = append(programs, &gpuProgram{ctx: ctx, layout: m.layout, shape: m.shape, minibatch: m.minibatch, rows: m.minibatch, steps: 1})
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
func (g *GPU) Device() string {
	d := g.prog.ctx.Device()
	return fmt.Sprintf("GPU %d (%s)", d.Ordinal, d.Name)
}

// Sample implements Backend. Kept rows stay on the device.
func (g *GPU) Sample(req *Request, out *Samples) error {
	if err := g.checkRequest(req); err != nil {
		return err
	}
	g.size(out, req.Rows)
	if req.Rows == 0 {
		out.FixedShare, out.MaxResidual = 0, noResidual
		return nil
	}
	job := &gpuSampleJob{g: g, req: req, out: out}
	return g.prog.ask(&gpuRequest{g: g, kind: askSample, job: job})
}

// Load implements Backend. The batch is uploaded with the first steps on it.
func (g *GPU) Load(b *Batch) error {
	if b.kept() && b.Rows > g.kept {
		return fmt.Errorf("policy: a batch of %d rows where %d were kept", b.Rows, g.kept)
	}
	if err := g.checkBatch(b); err != nil {
		return err
	}
	// Steps on the batch before.
	if err := g.flush(); err != nil && !errors.As(err, new(*NonFiniteError)) {
		return err
	}
	g.batch, g.loading = b, true
	return nil
}

// Step implements Backend. The step is queued.
func (g *GPU) Step(rows []int32, s Settings) error {
	if g.wrong != nil {
		return g.wrong
	}
	if err := g.checkStep(g.batch, rows); err != nil {
		return err
	}
	if len(g.count) > 0 && s != g.settings || len(g.count) == maxQueue {
		if err := g.flush(); err != nil {
			return err
		}
	}
	g.settings = s
	g.perm = append(g.perm, rows...)
	for range g.minibatch - len(rows) {
		g.perm = append(g.perm, -1)
	}
	g.count = append(g.count, int32(len(rows)))
	return nil
}

// maxQueue bounds the memory of the queue.
const maxQueue = 1 << 16

// flush runs what is queued.
func (g *GPU) flush() error {
	if len(g.count) == 0 {
		return g.wrong
	}
	if err := g.prog.ask(&gpuRequest{g: g, kind: askFlush}); err != nil {
		return err
	}
	return g.wrong
}

// Diagnostics implements Backend.
func (g *GPU) Diagnostics() (Diagnostics, error) {
	err := g.flush()
	d := g.sums.mean()
	g.sums = Diagnostics{}
	return d, err
}

// absorb takes over what the steps on the device have left in the control block.
func (g *GPU) absorb(c *kernels.Control) {
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

// State implements Backend, see CPU.State.
func (g *GPU) State() (*State, error) {
	s := &State{}
	return s, g.prog.ask(&gpuRequest{g: g, kind: askState, state: s})
}

// SetState implements Backend, see CPU.SetState.
func (g *GPU) SetState(s *State) error {
	if err := g.layout.checkState(s); err != nil {
		return err
	}
	if err := g.prog.ask(&gpuRequest{g: g, kind: askSetState, state: s}); err != nil {
		return err
	}
	g.time, g.sums, g.wrong, g.standardises = s.Step, Diagnostics{}, nil, s.Normalizer.On
	return nil
}

// Join implements Shared.
func (g *GPU) Join() { g.prog.join(g) }

// Leave implements Shared.
func (g *GPU) Leave() { g.prog.leave(g) }

// Close implements Backend. The device gets the memory back once all that share
// it are closed.
func (g *GPU) Close() error { return g.prog.close(g) }
