package policy

import (
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
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
	req := &Request{Rows: rows, Obs: make([]float32, rows*obs), Streams: make([]*rng.Stream, rows)}
	for i := range req.Obs {
		req.Obs[i] = float32(r.NormFloat64())
	}
	for i := range req.Streams {
		req.Streams[i] = rng.New(seed, "row").Split(uint64(i))
	}
	return req
}

// batchOf makes a batch to learn from out of samples.
func batchOf(req *Request, s *Samples, seed uint64) *Batch {
	r := rand.New(rng.New(seed, "batch"))
	b := &Batch{
		Rows: req.Rows, Obs: req.Obs, Prefix: s.Prefix, LogX: s.LogX, Log1mX: s.Log1mX, LogWidth: s.LogWidth, Mask: s.Mask,
		Advantage: make([]float32, req.Rows), Return: make([]float32, req.Rows),
	}
	for i := range b.Advantage {
		b.Advantage[i], b.Return[i] = float32(r.NormFloat64()), float32(r.NormFloat64())
	}
	return b
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

// Decoding one entity at a time and the training pass agree on every
// log-probability and entropy: 1e-5 relative is the promise, and with the same
// chains of float32 operations nothing is lost at all.
func TestDecodingAgreesWithTraining(t *testing.T) {
	for _, n := range []int{2, 3, 13} {
		for _, heads := range [][]int{{8}, {32, 32}, {5, 7, 3}} {
			c := newTestCPU(t, simplex(t, n), 6, 50, func(c *Config) { c.Heads = heads })
			req, out := request(120, 6, 3), &Samples{}
			if err := c.Sample(req, out); err != nil {
				t.Fatal(err)
			}
			if err := c.Load(batchOf(req, out, 1)); err != nil {
				t.Fatal(err)
			}
			for r := range req.Rows {
				if d := math.Abs(float64(c.old[r] - out.LogProb[r])); d > 1e-5*(1+math.Abs(float64(c.old[r]))) {
					t.Fatalf("n = %d, heads %v, row %d: log-probability %g when sampled, %g in training", n, heads, r, out.LogProb[r], c.old[r])
				}
			}
			// The entropies of the last minibatch, rows 100 to 119.
			for i := range 20 {
				want, got := c.graph.terms[2*i+1], out.Entropy[100+i]
				if d := math.Abs(float64(want - got)); d > 1e-5*(1+math.Abs(float64(want))) {
					t.Fatalf("n = %d, heads %v, row %d: entropy %g when sampled, %g in training", n, heads, 100+i, got, want)
				}
			}
		}
	}
}

// An action depends on its own row alone.
func TestSamplesDoNotDependOnTheBatch(t *testing.T) {
	c := newTestCPU(t, simplex(t, 7), 5, 64, nil)
	whole, part := &Samples{}, &Samples{}
	if err := c.Sample(request(300, 5, 9), whole); err != nil {
		t.Fatal(err)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, procs := range []int{1, 3} {
		runtime.GOMAXPROCS(procs)
		for _, cut := range [][2]int{{0, 1}, {0, 300}, {17, 111}, {290, 300}} {
			req := request(300, 5, 9)
			req.Obs, req.Streams = req.Obs[cut[0]*5:cut[1]*5], req.Streams[cut[0]:cut[1]]
			req.Rows = cut[1] - cut[0]
			if err := c.Sample(req, part); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(part.Actions, whole.Actions[cut[0]*7:cut[1]*7]) || !slices.Equal(part.LogProb, whole.LogProb[cut[0]:cut[1]]) ||
				!slices.Equal(part.Value, whole.Value[cut[0]:cut[1]]) {
				t.Fatalf("rows %v with %d processors differ from those of the whole batch", cut, procs)
			}
		}
	}
}

func TestSamplesAreAllocations(t *testing.T) {
	c := newTestCPU(t, simplex(t, 5), 3, 64, nil)
	for _, deterministic := range []bool{false, true} {
		req, out := request(200, 3, 4), &Samples{}
		req.Deterministic = deterministic
		if err := c.Sample(req, out); err != nil {
			t.Fatal(err)
		}
		for r := range req.Rows {
			a := out.Actions[r*5 : r*5+5]
			sum := 0.
			for i, x := range a {
				if k := r*5 + i; x < out.Lower[k] || x > out.Upper[k] {
					t.Fatalf("row %d: entity %d is %g outside [%g, %g]", r, i, x, out.Lower[k], out.Upper[k])
				}
				sum += x
			}
			if math.Abs(sum-1) > 1e-12 || out.Residual[r] > 1e-12 {
				t.Fatalf("row %d: sum %g, residual %g", r, sum, out.Residual[r])
			}
		}
	}
}

// A deterministic action takes the mode where there is one, else the mean.
func TestDeterministicPoint(t *testing.T) {
	c := newTestCPU(t, simplex(t, 3), 2, 8, func(c *Config) { c.HeadScale = 0 })
	fit := &Fit{Entities: []string{"E0", "E1"}, Alpha: []float64{3, 0.5}, Beta: []float64{2, 4}}
	c, err := NewCPU(simplex(t, 3), 2, 8, c.cfg, fit, 1)
	if err != nil {
		t.Fatal(err)
	}
	out := &Samples{}
	if err := c.Sample(&Request{Rows: 1, Obs: []float32{1, 2}, Deterministic: true}, out); err != nil {
		t.Fatal(err)
	}
	first := 2. / 3
	want := []float64{first, (1 - first) * 0.5 / 4.5, 0}
	want[2] = 1 - want[0] - want[1]
	for i, w := range want {
		if math.Abs(out.Actions[i]-w) > 1e-6 {
			t.Errorf("entity %d is %g, want %g", i, out.Actions[i], w)
		}
	}
}

// The first ratio is exactly 1, whatever minibatch a row is in and wherever.
func TestFirstRatioIsOne(t *testing.T) {
	c := newTestCPU(t, simplex(t, 13), 27, 64, nil)
	req, out := request(150, 27, 5), &Samples{}
	if err := c.Sample(req, out); err != nil {
		t.Fatal(err)
	}
	rows := rowsOf(150)
	rand.New(rand.NewPCG(1, 1)).Shuffle(150, func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	for _, mb := range [][]int32{rows[:64], rows[64:128], rows[128:], rows[3:4]} {
		if err := c.Load(batchOf(req, out, 1)); err != nil {
			t.Fatal(err)
		}
		if err := c.Step(mb, settings()); err != nil {
			t.Fatal(err)
		}
		d, err := c.Diagnostics()
		if err != nil || d.MaxRatioDeviation != 0 || d.Steps != 1 {
			t.Fatalf("%d rows: diagnostics %+v, %v", len(mb), d, err)
		}
	}
}

// Rows that pad a minibatch change nothing.
func TestRaggedMinibatch(t *testing.T) {
	var norms []float64
	for _, minibatch := range []int{20, 64} {
		c := newTestCPU(t, simplex(t, 4), 3, minibatch, nil)
		req, out := request(20, 3, 6), &Samples{}
		if err := c.Sample(req, out); err != nil {
			t.Fatal(err)
		}
		if err := c.Load(batchOf(req, out, 2)); err != nil {
			t.Fatal(err)
		}
		// Junk from an earlier row stays in the rows beyond the end.
		for i := range c.graph.advantage {
			c.graph.advantage[i], c.graph.target[i] = 1e6, 1e6
		}
		if err := c.Step(rowsOf(20), settings()); err != nil {
			t.Fatal(err)
		}
		d, _ := c.Diagnostics()
		norms = append(norms, d.GradNorm)
	}
	if math.Abs(norms[0]-norms[1]) > 1e-6*norms[0] {
		t.Errorf("gradient norms %g without padding, %g with", norms[0], norms[1])
	}
}

// A batch is learned: its loss falls.
func TestStepsLowerTheLoss(t *testing.T) {
	c := newTestCPU(t, simplex(t, 6), 4, 64, nil)
	req, out := request(64, 4, 8), &Samples{}
	if err := c.Sample(req, out); err != nil {
		t.Fatal(err)
	}
	if err := c.Load(batchOf(req, out, 3)); err != nil {
		t.Fatal(err)
	}
	s := settings()
	loss := func() float64 {
		d, err := c.Diagnostics()
		if err != nil {
			t.Fatal(err)
		}
		return d.PolicyLoss + s.ValueCoef*d.ValueLoss - s.EntropyCoef*d.Entropy
	}
	var losses []float64
	for range 5 {
		for range 20 {
			if err := c.Step(rowsOf(64), s); err != nil {
				t.Fatal(err)
			}
		}
		losses = append(losses, loss())
	}
	for i := 1; i < len(losses); i++ {
		if losses[i] >= losses[i-1] {
			t.Fatalf("the losses %.4v do not fall", losses)
		}
	}
}

// A bandit that pays a_0 is learned from its own actions.
func TestBanditImproves(t *testing.T) {
	c := newTestCPU(t, simplex(t, 2), 1, 64, nil)
	obs := make([]float32, 64)
	for i := range obs {
		obs[i] = 1
	}
	stream := rng.New(3, "bandit")
	streams := make([]*rng.Stream, 64)
	for i := range streams {
		streams[i] = stream.Split(uint64(i))
	}
	out := &Samples{}
	mean := func() float64 {
		if err := c.Sample(&Request{Rows: 64, Obs: obs, Streams: streams}, out); err != nil {
			t.Fatal(err)
		}
		m := 0.
		for r := range 64 {
			m += out.Actions[2*r] / 64
		}
		return m
	}
	first := mean()
	for range 40 {
		m := mean()
		b := batchOf(&Request{Rows: 64, Obs: obs}, out, 1)
		for r := range 64 {
			b.Advantage[r], b.Return[r] = float32((out.Actions[2*r]-m)/0.2), float32(out.Actions[2*r])
		}
		if err := c.Load(b); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			if err := c.Step(rowsOf(64), settings()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if last := mean(); last < first+0.2 {
		t.Errorf("the mean reward goes from %g to %g", first, last)
	}
}

func TestStateRoundTrip(t *testing.T) {
	a, b := newTestCPU(t, simplex(t, 4), 3, 16, nil), newTestCPU(t, simplex(t, 4), 3, 16, nil)
	req, out := request(16, 3, 1), &Samples{}
	if err := a.Sample(req, out); err != nil {
		t.Fatal(err)
	}
	batch := batchOf(req, out, 1)
	step := func(c *CPU) {
		t.Helper()
		if err := c.Load(batch); err != nil {
			t.Fatal(err)
		}
		if err := c.Step(rowsOf(16), settings()); err != nil {
			t.Fatal(err)
		}
	}
	step(a)
	s, err := a.State()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.SetState(s); err != nil {
		t.Fatal(err)
	}
	step(a)
	step(b)
	if !slices.Equal(a.params, b.params) || !slices.Equal(a.opt.m, b.opt.m) || !slices.Equal(a.opt.v, b.opt.v) || a.opt.step != b.opt.step {
		t.Error("training goes on differently from a state")
	}

	// Sampling uses the parameters that were set.
	x, y := &Samples{}, &Samples{}
	if err := errors.Join(a.Sample(request(3, 3, 2), x), b.Sample(request(3, 3, 2), y)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(x.Actions, y.Actions) {
		t.Error("sampling differs from a state")
	}

	s.Params[3].Name = "other"
	if b.SetState(s) == nil {
		t.Error("a tensor of another name is taken")
	}
	s, _ = a.State()
	s.V[2].Shape[0]++
	if b.SetState(s) == nil {
		t.Error("a tensor of another shape is taken")
	}
}

// The columns of the first layer that a head does not see stay 0.
func TestMaskedWeightsStayZero(t *testing.T) {
	c := newTestCPU(t, simplex(t, 5), 3, 32, nil)
	req, out := request(32, 3, 1), &Samples{}
	if err := c.Sample(req, out); err != nil {
		t.Fatal(err)
	}
	if err := c.Load(batchOf(req, out, 1)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := c.Step(rowsOf(32), settings()); err != nil {
			t.Fatal(err)
		}
	}
	s := c.layout.find("heads", 0, false)
	w := slice(c.params, s)
	for h := range c.layout.heads {
		for j := range s.out {
			for k := range s.in {
				x := w[(h*s.out+j)*s.in+k]
				if unseen := k >= c.layout.latent()+h; unseen != (x == 0) {
					t.Fatalf("head %d, input %d: weight %g", h, k, x)
				}
			}
		}
	}
}

func TestNonFinite(t *testing.T) {
	nan := float32(math.NaN())
	for _, tc := range []struct {
		tensor string
		poison func(*CPU, *Batch)
	}{
		{"advantage of the minibatch", func(_ *CPU, b *Batch) { b.Advantage[3] = nan }},
		{"obs of the minibatch", func(_ *CPU, b *Batch) { b.Obs[5] = nan }},
		{"encoder.1.weight", func(c *CPU, _ *Batch) { slice(c.params, c.layout.find("encoder", 1, false))[7] = nan }},
		{"heads.2.bias", func(c *CPU, _ *Batch) { slice(c.params, c.layout.find("heads", 2, true))[0] = float32(math.Inf(1)) }},
		{"critic.1", func(c *CPU, _ *Batch) {
			for _, layer := range []int{0, 1} {
				w := slice(c.params, c.layout.find("critic", layer, false))
				for i := range w {
					w[i] = 1e30
				}
			}
		}},
		{"critic.0.bias", func(c *CPU, _ *Batch) { slice(c.params, c.layout.find("critic", 0, true))[0] = nan }},
	} {
		c := newTestCPU(t, simplex(t, 4), 3, 16, nil)
		req, out := request(16, 3, 1), &Samples{}
		if err := c.Sample(req, out); err != nil {
			t.Fatal(err)
		}
		b := batchOf(req, out, 1)
		if err := c.Load(b); err != nil {
			t.Fatal(err)
		}
		if err := c.Step(rowsOf(16), settings()); err != nil {
			t.Fatal(err)
		}
		tc.poison(c, b)
		before := slices.Clone(c.params)
		err := c.Step(rowsOf(16), settings())
		var e *NonFiniteError
		if !errors.As(err, &e) || e.Tensor != tc.tensor || e.Step != 1 {
			t.Errorf("%s: the error is %v", tc.tensor, err)
			continue
		}
		if _, err := c.Diagnostics(); !errors.As(err, &e) {
			t.Errorf("%s: diagnostics report %v", tc.tensor, err)
		}
		for i := range before {
			if before[i] != c.params[i] && before[i] == before[i] {
				t.Errorf("%s: the step changed parameters", tc.tensor)
				break
			}
		}
	}
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
