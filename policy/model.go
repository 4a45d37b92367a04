package policy

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"paspo/internal/ops"
	"paspo/lp"
)

// model is what the backends of a policy have in common.
type model struct {
	solver    lp.Solver
	p         *lp.Polytope
	cfg       Config
	shape     ops.Shape
	layout    *layout
	total     float64 // of the budget, see total
	heads     int     // of the policy; the layout has one at least
	minibatch int     // rows at most
}

// newModel returns the model and its initial parameters, see NewCPU.
func newModel(solver lp.Solver, obsDim, minibatch int, cfg Config, fit *Fit, seed uint64) (*model, []float32, error) {
	if err := cfg.Validate(); err != nil {
		return nil, nil, err
	}
	if obsDim < 1 || minibatch < 1 {
		return nil, nil, fmt.Errorf("policy: observations of %d components and minibatches of %d rows: at least 1 is needed of both", obsDim, minibatch)
	}
	p := solver.Polytope()
	heads := Heads(p)
	if fit != nil {
		if err := fit.Validate(heads); err != nil {
			return nil, nil, err
		}
	}
	total, err := total(p)
	if err != nil {
		return nil, nil, err
	}

	// A policy without heads has one all the same, which is never read.
	l := newLayout(&cfg, obsDim, p.Dim(), max(heads, 1))
	if heads == 0 {
		fit = nil
	}
	params := make([]float32, l.size)
	if err := initialise(params, l, &cfg, fit, seed); err != nil {
		return nil, nil, err
	}
	return &model{
		solver: solver, p: p, cfg: cfg, shape: ops.Shape{Min: cfg.MinShape, Max: cfg.MaxShape},
		layout: l, total: total, heads: heads, minibatch: minibatch,
	}, params, nil
}

// Polytope implements Backend.
func (m *model) Polytope() *lp.Polytope { return m.p }

// ObsDim implements Backend.
func (m *model) ObsDim() int { return m.layout.obs }

// noResidual is the largest residual of no action.
var noResidual = math.Inf(-1)

// checkRequest returns an error where the parts of a request do not fit.
func (m *model) checkRequest(req *Request) error {
	n := req.Rows
	switch {
	case n < 0 || len(req.Obs) != n*m.layout.obs:
		return fmt.Errorf("policy: %d rows of observations have %d components, not %d", n, len(req.Obs), n*m.layout.obs)
	case req.Limits != nil && len(req.Limits) != n:
		return fmt.Errorf("policy: %d rows have %d limits", n, len(req.Limits))
	case !req.Deterministic && len(req.Streams) != n:
		return fmt.Errorf("policy: %d rows have %d random streams", n, len(req.Streams))
	case req.Keep && req.At < 0:
		return fmt.Errorf("policy: rows are kept from row %d on", req.At)
	}
	for r := range req.Limits {
		if err := m.p.CheckLimits(&req.Limits[r]); err != nil {
			return fmt.Errorf("policy: row %d: %w", r, err)
		}
	}
	return nil
}

// size gives samples room for n rows.
func (m *model) size(out *Samples, n int) {
	l, h := m.layout, m.heads
	for _, f := range []struct {
		s     *[]float32
		width int
	}{
		{&out.Prefix, l.entities}, {&out.LogX, h}, {&out.Log1mX, h}, {&out.LogWidth, h},
		{&out.Mask, h}, {&out.LogProb, 1}, {&out.Entropy, 1}, {&out.Value, 1}, {&out.Alpha, h}, {&out.Beta, h},
	} {
		*f.s = grown(*f.s, n*f.width)
	}
	out.Actions, out.Residual = grown(out.Actions, n*l.entities), grown(out.Residual, n)
	out.Lower, out.Upper = grown(out.Lower, n*l.entities), grown(out.Upper, n*l.entities)
}

// checkBatch returns an error where the lengths of a batch do not fit. Those of
// the samples are not looked at where it has none.
func (m *model) checkBatch(b *Batch) error {
	n, l := b.Rows, m.layout
	type field struct {
		name       string
		have, want int
	}
	fields := []field{{"Advantage", len(b.Advantage), n}, {"Return", len(b.Return), n}}
	if !b.kept() {
		fields = append([]field{
			{"Obs", len(b.Obs), n * l.obs}, {"Prefix", len(b.Prefix), n * l.entities},
			{"LogX", len(b.LogX), n * m.heads}, {"Log1mX", len(b.Log1mX), n * m.heads},
			{"LogWidth", len(b.LogWidth), n * m.heads}, {"Mask", len(b.Mask), n * m.heads},
		}, fields...)
	}
	for _, f := range fields {
		if f.have != f.want {
			return fmt.Errorf("policy: a batch of %d rows has %d elements in %s, not %d", n, f.have, f.name, f.want)
		}
	}
	return nil
}

// checkStep returns an error where a minibatch cannot be taken from a batch.
func (m *model) checkStep(b *Batch, rows []int32) error {
	if b == nil {
		return errors.New("policy: a step before a batch is loaded")
	}
	if len(rows) == 0 || len(rows) > m.minibatch {
		return fmt.Errorf("policy: a minibatch of %d rows: 1 to %d are allowed", len(rows), m.minibatch)
	}
	for _, r := range rows {
		if r < 0 || int(r) >= b.Rows {
			panic(badBatch)
		}
	}
	return nil
}

// copies returns the tensors of a slice laid out as the parameters are. They
// are copies.
func (l *layout) copies(data []float32) []Tensor {
	ts := make([]Tensor, len(l.tensors))
	for i := range ts {
		s := &l.tensors[i]
		ts[i] = Tensor{Name: s.name, Shape: slices.Clone(s.shape), Data: slices.Clone(slice(data, s))}
	}
	return ts
}

// checkState returns an error where a state is of another policy.
func (l *layout) checkState(s *State) error {
	for _, set := range []struct {
		what string
		from []Tensor
	}{{"parameter", s.Params}, {"first moment", s.M}, {"second moment", s.V}} {
		if len(set.from) != len(l.tensors) {
			return fmt.Errorf("policy: the state has %d tensors of kind %s, this policy %d", len(set.from), set.what, len(l.tensors))
		}
		for i, t := range set.from {
			want := &l.tensors[i]
			if t.Name != want.name || !slices.Equal(t.Shape, want.shape) || len(t.Data) != want.size {
				return fmt.Errorf("policy: the state has %s %s %v of %d elements where this policy has %s %v",
					set.what, t.Name, t.Shape, len(t.Data), want.name, want.shape)
			}
		}
	}
	if s.Step < 0 {
		return fmt.Errorf("policy: the state has taken %d gradient steps: at least 0 is allowed", s.Step)
	}
	if n := s.Normalizer; n == nil || n.Dim() != l.obs || len(n.Seen.M2) != l.obs {
		return fmt.Errorf("policy: the state has no normaliser of observations of %d components", l.obs)
	}
	return nil
}

// fill writes tensors to the slice that they belong in.
func (l *layout) fill(dst []float32, ts []Tensor) {
	for i, t := range ts {
		copy(slice(dst, &l.tensors[i]), t.Data)
	}
}
