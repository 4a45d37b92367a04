package policy

import (
	"math/rand/v2"
	"testing"

	"paspo/internal/rng"
	"paspo/lp"
)

func newTestCPU(t testing.TB, s lp.Solver, obs, minibatch int, change func(*Config)) *CPU {
	t.Helper()
	cfg := DefaultConfig()
	if change != nil {
		change(&cfg)
	}
	c, err := NewCPU(s, obs, minibatch, cfg, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func request(rows, obs int, seed uint64) *Request {
	r := rand.New(rng.New(seed, "obs"))
	req := &Request{Rows: rows, Obs: make([]float64, rows*obs), Streams: make([]*rng.Stream, rows)}
	for i := range req.Obs {
		req.Obs[i] = float64(float32(r.NormFloat64())) // as it is where nothing is normalised
	}
	for i := range req.Streams {
		req.Streams[i] = rng.New(seed, "row").Split(uint64(i))
	}
	return req
}

func mustState(t testing.TB, b Backend) *State {
	t.Helper()
	s, err := b.State()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sampleOn(t testing.TB, b Backend, req *Request) *Samples {
	t.Helper()
	out := &Samples{}
	if err := b.Sample(req, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// batchOf makes a batch to learn from out of samples.
func batchOf(req *Request, s *Samples, seed uint64) *Batch {
	r := rand.New(rng.New(seed, "batch"))
	b := &Batch{
		Rows: req.Rows, Obs: narrow(req.Obs), Prefix: s.Prefix, LogX: s.LogX, Log1mX: s.Log1mX, LogWidth: s.LogWidth, Mask: s.Mask,
		Advantage: make([]float32, req.Rows), Return: make([]float32, req.Rows),
	}
	for i := range b.Advantage {
		b.Advantage[i], b.Return[i] = float32(r.NormFloat64()), float32(r.NormFloat64())
	}
	return b
}

func narrow(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

func settings() Settings {
	return Settings{LearningRate: 1e-3, Clip: 0.3, ValueCoef: 0.5, EntropyCoef: 0.01, MaxGradNorm: 2, WeightDecay: 1e-3,
		Beta1: 0.99, Beta2: 0.99, Epsilon: 1e-8}
}

func rowsOf(n int) []int32 {
	rows := make([]int32, n)
	for i := range rows {
		rows[i] = int32(i)
	}
	return rows
}

func TestBadInput(t *testing.T) {
	c := newTestCPU(t, simplex(t, 4), 3, 16, nil)
	req, out := request(16, 3, 1), &Samples{}
	if err := c.Sample(req, out); err != nil {
		t.Fatal(err)
	}
	b := batchOf(req, out, 1)
	if c.Step(rowsOf(16), settings()) == nil {
		t.Error("a step without a batch is taken")
	}
	short := *b
	short.Mask = short.Mask[1:]
	if c.Load(&short) == nil {
		t.Error("a short mask is taken")
	}
	if err := c.Load(b); err != nil {
		t.Fatal(err)
	}
	if c.Step(rowsOf(17), settings()) == nil || c.Step(nil, settings()) == nil {
		t.Error("a minibatch of 17 or of 0 rows is taken")
	}
	bad := *req
	bad.Obs = bad.Obs[1:]
	if c.Sample(&bad, out) == nil {
		t.Error("short observations are taken")
	}
	bad = *req
	bad.Streams = nil
	if c.Sample(&bad, out) == nil {
		t.Error("a request without streams is taken")
	}
}

func TestNoAllocation(t *testing.T) {
	c := newTestCPU(t, simplex(t, 13), 27, 64, nil)
	req, out := request(256, 27, 1), &Samples{}
	sample := func() {
		if err := c.Sample(req, out); err != nil {
			t.Fatal(err)
		}
	}
	sample()
	if n := testing.AllocsPerRun(20, sample); n > 0 {
		t.Errorf("Sample allocates %v times", n)
	}
	if err := c.Load(batchOf(req, out, 1)); err != nil {
		t.Fatal(err)
	}
	rows := rowsOf(64)
	if n := testing.AllocsPerRun(20, func() {
		if err := c.Step(rows, settings()); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("Step allocates %v times", n)
	}
}

// One entity with a budget leaves nothing to choose.
func TestOneEntity(t *testing.T) {
	c := newTestCPU(t, simplex(t, 1), 2, 8, nil)
	req, out := request(8, 2, 1), &Samples{}
	if err := c.Sample(req, out); err != nil {
		t.Fatal(err)
	}
	if len(out.Mask) != 0 || out.LogProb[0] != 0 || out.Actions[0] != 1 {
		t.Errorf("mask %v, log-probability %g, action %g", out.Mask, out.LogProb[0], out.Actions[0])
	}
	if err := c.Load(batchOf(req, out, 1)); err != nil {
		t.Fatal(err)
	}
	if err := c.Step(rowsOf(8), settings()); err != nil {
		t.Fatal(err)
	}
}
