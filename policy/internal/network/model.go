package network

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"paspo/internal/ops"
	"paspo/lp"
	"paspo/policy"
)

// Model holds what the backends of PASPO's policy have in common.
type Model struct {
	Solver    lp.Solver
	Config    policy.Config
	Shape     ops.Shape
	Layout    *Layout
	Total     float64 // unit of amounts, see policy.Total
	Heads     int     // of the policy, possibly 0; the layout has at least one
	Minibatch int     // largest number of rows of a gradient step
}

// NewModel returns the model and its initial parameters. The arguments are those of cpu.New.
func NewModel(solver lp.Solver, obsDim, minibatch int, cfg policy.Config, fit *policy.Fit, seed uint64) (*Model, []float32, error) {
	if err := cfg.Validate(); err != nil {
		return nil, nil, err
	}
	if obsDim < 1 || minibatch < 1 {
		return nil, nil, fmt.Errorf("policy: observations of %d components and minibatches of %d rows: at least 1 is needed of both", obsDim, minibatch)
	}
	p := solver.Polytope()
	heads := policy.Heads(p)
	if fit != nil {
		if err := fit.Validate(heads); err != nil {
			return nil, nil, err
		}
	}

	// The layout of a policy without heads has one all the same, which is never read.
	l := NewLayout(&cfg, obsDim, p.Dim(), max(heads, 1))
	if heads == 0 {
		fit = nil
	}
	params := make([]float32, l.Size)
	if err := initialise(params, l, &cfg, fit, seed); err != nil {
		return nil, nil, err
	}
	return &Model{
		Solver: solver, Config: cfg, Shape: ops.Shape{Min: cfg.MinShape, Max: cfg.MaxShape},
		Layout: l, Total: policy.Total(p), Heads: heads, Minibatch: minibatch,
	}, params, nil
}

// Polytope implements policy.Backend.
func (m *Model) Polytope() *lp.Polytope { return m.Solver.Polytope() }

// ObsDim implements policy.Backend.
func (m *Model) ObsDim() int { return m.Layout.Obs }

// BadBatch is the message of the panic of a backend whose caller passes rows that the batch
// does not have.
const BadBatch = "policy: bad length of a batch"

// NoResidual is the MaxResidual of samples without rows.
var NoResidual = math.Inf(-1)

// Resize gives the slices of out the lengths for n rows.
func (m *Model) Resize(out *policy.Samples, n int) {
	l, h := m.Layout, m.Heads
	for _, f := range []struct {
		s     *[]float32
		width int
	}{
		{&out.Prefix, l.Entities}, {&out.LogX, h}, {&out.Log1mX, h}, {&out.LogWidth, h},
		{&out.Mask, h}, {&out.LogProb, 1}, {&out.Entropy, 1}, {&out.Value, 1}, {&out.Alpha, h}, {&out.Beta, h},
	} {
		*f.s = slices.Grow((*f.s)[:0], n*f.width)[:n*f.width]
	}
	out.Actions, out.Residual = slices.Grow(out.Actions[:0], n*l.Entities)[:n*l.Entities], slices.Grow(out.Residual[:0], n)[:n]
	out.Lower, out.Upper = slices.Grow(out.Lower[:0], n*l.Entities)[:n*l.Entities], slices.Grow(out.Upper[:0], n*l.Entities)[:n*l.Entities]
}

// CheckBatch returns an error where the slices of a batch do not have the lengths that its
// rows need. A batch that means kept rows has no samples to check.
func (m *Model) CheckBatch(b *policy.Batch) error {
	n, l := b.Rows, m.Layout
	type field struct {
		name       string
		have, want int
	}
	fields := []field{{"Advantage", len(b.Advantage), n}, {"Return", len(b.Return), n}}
	if !b.Kept() {
		fields = append([]field{
			{"Obs", len(b.Obs), n * l.Obs}, {"Prefix", len(b.Prefix), n * l.Entities},
			{"LogX", len(b.LogX), n * m.Heads}, {"Log1mX", len(b.Log1mX), n * m.Heads},
			{"LogWidth", len(b.LogWidth), n * m.Heads}, {"Mask", len(b.Mask), n * m.Heads},
		}, fields...)
	}
	for _, f := range fields {
		if f.have != f.want {
			return fmt.Errorf("policy: a batch of %d rows has %d elements in %s, not %d", n, f.have, f.name, f.want)
		}
	}
	return nil
}

// CheckStep returns an error where the minibatch rows cannot be taken from the batch b.
func (m *Model) CheckStep(b *policy.Batch, rows []int32) error {
	if b == nil {
		return errors.New("policy: a step before a batch is loaded")
	}
	if len(rows) == 0 || len(rows) > m.Minibatch {
		return fmt.Errorf("policy: a minibatch of %d rows: 1 to %d are allowed", len(rows), m.Minibatch)
	}
	for _, r := range rows {
		if r < 0 || int(r) >= b.Rows {
			panic(BadBatch)
		}
	}
	return nil
}

// Copies returns copies of the tensors in data, which has the layout of the parameters.
func (l *Layout) Copies(data []float32) []policy.Tensor {
	ts := make([]policy.Tensor, len(l.Tensors))
	for i := range ts {
		s := &l.Tensors[i]
		ts[i] = policy.Tensor{Name: s.Name, Shape: slices.Clone(s.Shape), Data: slices.Clone(Slice(data, s))}
	}
	return ts
}

// CheckState returns an error where a state is of another policy.
func (l *Layout) CheckState(s *policy.State) error {
	like := make([]policy.Tensor, len(l.Tensors))
	for i, t := range l.Tensors {
		like[i] = policy.Tensor{Name: t.Name, Shape: t.Shape}
	}
	return s.Check(like, l.Obs)
}

// Fill writes tensors to their places in dst.
func (l *Layout) Fill(dst []float32, ts []policy.Tensor) {
	for i, t := range ts {
		copy(Slice(dst, &l.Tensors[i]), t.Data)
	}
}
