package policytest

import (
	"math/rand/v2"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/lp/interval"
	"paspo/policy"
)

// RandomRequest asks for as many actions as rows says, with random observations.
func RandomRequest(rows, obs int, seed uint64) *policy.Request {
	r := rand.New(rng.New(seed, "obs"))
	req := &policy.Request{Rows: rows, Obs: make([]float64, rows*obs), Streams: make([]*rng.Stream, rows)}
	for i := range req.Obs {
		req.Obs[i] = float64(float32(r.NormFloat64())) // exact in float32, as the network reads it
	}
	for i := range req.Streams {
		req.Streams[i] = rng.New(seed, "row").Split(uint64(i))
	}
	return req
}

// MustState returns the state of b.
func MustState(t testing.TB, b policy.Backend) *policy.State {
	t.Helper()
	s, err := b.State()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// MustSample returns what b samples.
func MustSample(t testing.TB, b policy.Backend, req *policy.Request) *policy.Samples {
	t.Helper()
	out := &policy.Samples{}
	if err := b.Sample(req, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// RandomBatch makes a batch of samples, with random advantages and returns.
func RandomBatch(req *policy.Request, s *policy.Samples, seed uint64) *policy.Batch {
	r := rand.New(rng.New(seed, "batch"))
	b := &policy.Batch{
		Rows: req.Rows, Obs: Float32s(req.Obs), Prefix: s.Prefix, LogX: s.LogX, Log1mX: s.Log1mX, LogWidth: s.LogWidth, Mask: s.Mask,
		Advantage: make([]float32, req.Rows), Return: make([]float32, req.Rows),
	}
	for i := range b.Advantage {
		b.Advantage[i], b.Return[i] = float32(r.NormFloat64()), float32(r.NormFloat64())
	}
	return b
}

// Float32s rounds x to float32.
func Float32s(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

// StepSettings are settings of a gradient step, the paper's.
func StepSettings() policy.Settings {
	return policy.Settings{LearningRate: 1e-3, Clip: 0.3, ValueCoef: 0.5, EntropyCoef: 0.01, MaxGradNorm: 2, WeightDecay: 1e-3,
		Beta1: 0.99, Beta2: 0.99, Epsilon: 1e-8}
}

// FirstRows returns 0..n-1.
func FirstRows(n int) []int32 {
	rows := make([]int32, n)
	for i := range rows {
		rows[i] = int32(i)
	}
	return rows
}

// PresetSizes are the entities and observations of the paper's settings.
var PresetSizes = []struct {
	Name          string
	Entities, Obs int
}{{"portfolio", 13, 27}, {"compute", 9, 18}, {"synthetic", 7, 3}}

// PresetSolver returns a solver of a preset polytope.
func PresetSolver(t testing.TB, name string) lp.Solver {
	t.Helper()
	p, err := constraints.Preset(name, 0)
	if err != nil {
		t.Fatal(err)
	}
	s, err := interval.New(p, interval.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// OffsetRequest returns a request whose observations have means and deviations far from 0
// and 1.
func OffsetRequest(rows, obs int, seed uint64) *policy.Request {
	req := RandomRequest(rows, obs, seed)
	for i := range req.Obs {
		j := float64(i % obs)
		req.Obs[i] = 100*j + (1+j)*req.Obs[i]
	}
	return req
}

// SimplexSolver gives the intervals of the simplex: [0, what remains of the budget].
type SimplexSolver struct{ Of *lp.Polytope }

func (s SimplexSolver) Polytope() *lp.Polytope { return s.Of }
func (s SimplexSolver) Method() string         { return "simplex" }
func (s SimplexSolver) Close() error           { return nil }
func (s SimplexSolver) Chain(batch int) lp.Chain {
	return &SimplexChain{N: s.Of.Dim(), Left: make([]float64, batch)}
}

// SimplexChain is a chain of a SimplexSolver. Left is what remains of every row's budget.
type SimplexChain struct {
	N, entity, rows int
	Left            []float64
}

func (c *SimplexChain) Begin(rows int, _ []lp.Limits) {
	c.rows, c.entity = rows, 0
	for r := range rows {
		c.Left[r] = 1
	}
}

func (c *SimplexChain) Next(lo, hi []float64) error {
	for r := range c.rows {
		lo[r], hi[r] = 0, c.Left[r]
		if c.entity == c.N-1 {
			lo[r] = c.Left[r]
		}
	}
	return nil
}

func (c *SimplexChain) Fix(a []float64) {
	for r := range c.rows {
		c.Left[r] -= a[r]
	}
	c.entity++
}

// Simplex returns a solver of the simplex of n entities.
func Simplex(t testing.TB, n int) SimplexSolver {
	t.Helper()
	p, err := constraints.Preset("unconstrained", n)
	if err != nil {
		t.Fatal(err)
	}
	return SimplexSolver{p}
}
