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

// Model is what the backends of PASPO's policy have in common.
type Model struct {
	Solver    lp.Solver
	Config    policy.Config
	Shape     ops.Shape
	Layout    *Layout
	Total     float64 // unit of amounts, see policy.Total
	Heads     int     // of the policy; the layout has one at least
	Minibatch int     // rows at most
}

// NewModel returns the model and its initial parameters, see cpu.New.
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

	// A policy without heads has one all the same, which is never read.
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

// BadBatch is what backends panic with where lengths do not fit.
const BadBatch = "policy: bad length of a batch"

// NoResidual is the largest residual of no action.
var NoResidual = math.Inf(-1)

// Size makes the slices of samples as long as n rows are.
func (m *Model) Size(out *policy.Samples, n int) {
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

// CheckBatch returns an error where the lengths of a batch do not fit. Those of
// the samples are not looked at where it has none.
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

// CheckStep returns an error where a minibatch cannot be taken from a batch.
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

// Copies returns the tensors of a slice that is laid out as the parameters are. They share
// nothing with it.
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

// Fill writes tensors to the slice that they belong in.
func (l *Layout) Fill(dst []float32, ts []policy.Tensor) {
	for i, t := range ts {
		copy(Slice(dst, &l.Tensors[i]), t.Data)
	}
}
