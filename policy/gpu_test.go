//go:build gpu

package policy

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"paspo/internal/cudatest"
	"paspo/internal/rng"
	"paspo/lp"
)

func newTestGPU(t testing.TB, s lp.Solver, obs, minibatch int, change func(*Config)) *GPU {
	t.Helper()
	cfg := DefaultConfig()
	if change != nil {
		change(&cfg)
	}
	g, err := NewGPU(cudatest.Open(t), s, obs, minibatch, cfg, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g.(*GPU)
}

// onDevice reads floats of an agent's block.
func onDevice(t testing.TB, g *GPU, at int64, n int) (x []float32) {
	t.Helper()
	p := g.prog
	if err := p.ctx.Do(func() error {
		y, err := p.download(g, at, n)
		if err != nil {
			return err
		}
		err = p.stream.Sync()
		x = slices.Clone(y)
		p.staging.reset()
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return x
}

func paramsOf(t testing.TB, g *GPU) []float32 { return onDevice(t, g, g.prog.at.params, g.layout.size) }

func gradientOf(t testing.TB, g *GPU) []float32 {
	at, _ := g.prog.at.plan.Offset(g.prog.expr.gradients[0])
	return onDevice(t, g, at, g.layout.size)
}

// learn loads a batch and takes steps of the given rows each.
func learn(t testing.TB, b Backend, batch *Batch, s Settings, minibatches ...[]int32) Diagnostics {
	t.Helper()
	if err := b.Load(batch); err != nil {
		t.Fatal(err)
	}
	for _, rows := range minibatches {
		if err := b.Step(rows, s); err != nil {
			t.Fatal(err)
		}
	}
	d, err := b.Diagnostics()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// sampled makes a batch out of what a CPU backend samples.
func sampled(t testing.TB, c *CPU, rows int, seed uint64) *Batch {
	t.Helper()
	req, out := request(rows, c.layout.obs, seed), &Samples{}
	if err := c.Sample(req, out); err != nil {
		t.Fatal(err)
	}
	return batchOf(req, out, seed)
}

func shuffledRows(n int, seed uint64) []int32 {
	rows := rowsOf(n)
	rand.New(rand.NewPCG(seed, 2)).Shuffle(n, func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	return rows
}

func inMinibatches(rows []int32, m int) [][]int32 { return slices.Collect(slices.Chunk(rows, m)) }

// The first gradient is that of the CPU, tensor by tensor, and so are the
// diagnostics of the step.
func TestGPUGradient(t *testing.T) {
	for _, tc := range []struct {
		name           string
		entities, rows int
		change         func(*Config)
	}{
		{"paper", 13, 64, nil},
		{"one head", 2, 5, nil},
		{"one entity", 1, 8, nil},
		{"no hidden layers but one", 4, 33, func(c *Config) { c.Encoder, c.Heads, c.Critic = nil, []int{7}, nil }},
		{"many rows", 3, 600, func(c *Config) { c.Encoder, c.Latent = []int{40, 9}, 5 }},
		{"no ceiling", 5, 70, func(c *Config) { c.MaxShape = 0 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := simplex(t, tc.entities)
			c, g := newTestCPU(t, s, 6, tc.rows, tc.change), newTestGPU(t, s, 6, tc.rows, tc.change)
			if !slices.Equal(c.params, paramsOf(t, g)) {
				t.Fatal("the initial parameters differ")
			}
			b := sampled(t, c, tc.rows, 3)
			// Away from the policy that the batch is from: other parameters.
			move := func(b Backend) {
				st, err := b.State()
				if err != nil {
					t.Fatal(err)
				}
				r := rand.New(rng.New(4, "move"))
				for i := range st.Params {
					for j := range st.Params[i].Data {
						if st.Params[i].Data[j] != 0 {
							st.Params[i].Data[j] += float32(0.1 * r.NormFloat64())
						}
					}
				}
				if err := b.SetState(st); err != nil {
					t.Fatal(err)
				}
			}
			set := settings()
			set.MaxGradNorm = 0
			move(c)
			move(g)
			dc, dg := learn(t, c, b, set, rowsOf(tc.rows)), learn(t, g, b, set, rowsOf(tc.rows))
			got := gradientOf(t, g)
			for i := range c.layout.tensors {
				slot := &c.layout.tensors[i]
				var diff, norm float64
				for j, want := range slice(c.grads, slot) {
					d := float64(slice(got, slot)[j]) - float64(want)
					diff += d * d
					norm += float64(want) * float64(want)
				}
				if !(math.Sqrt(diff) <= 1e-4*math.Sqrt(norm)) {
					t.Errorf("%s differs by %.3g of a norm of %.3g", slot.name, math.Sqrt(diff), math.Sqrt(norm))
				}
			}
			for _, p := range []struct {
				name      string
				got, want float64
			}{
				{"policy loss", dg.PolicyLoss, dc.PolicyLoss}, {"value loss", dg.ValueLoss, dc.ValueLoss}, {"entropy", dg.Entropy, dc.Entropy},
				{"KL", dg.ApproxKL, dc.ApproxKL}, {"clip fraction", dg.ClipFraction, dc.ClipFraction}, {"norm", dg.GradNorm, dc.GradNorm},
			} {
				if !(math.Abs(p.got-p.want) <= 1e-5*max(1, math.Abs(p.want))) {
					t.Errorf("%s: %v, on the CPU %v", p.name, p.got, p.want)
				}
			}
			if dg.Steps != 1 {
				t.Errorf("%d steps", dg.Steps)
			}
		})
	}
}

// Fed equal gradients, the optimiser goes where that of the CPU goes.
func TestGPUAdam(t *testing.T) {
	for _, clip := range []float64{0, 0.05, 1e3} {
		c, g := newTestCPU(t, simplex(t, 5), 4, 32, nil), newTestGPU(t, simplex(t, 5), 4, 32, nil)
		b := sampled(t, c, 32, 3)
		s := settings()
		s.MaxGradNorm, s.WeightDecay, s.LearningRate = clip, 0.01, 1e-2
		w, opt := slices.Clone(c.params), adam{m: make([]float32, c.layout.size), v: make([]float32, c.layout.size)}
		for step := range 5 {
			learn(t, g, b, s, rowsOf(32))
			opt.apply(w, gradientOf(t, g), &s)
			for i, got := range paramsOf(t, g) {
				if !(math.Abs(float64(got)-float64(w[i])) <= 1e-6*max(1, math.Abs(float64(w[i])))) {
					t.Fatalf("clip %g, step %d: parameter %d is %v, on the CPU %v", clip, step, i, got, w[i])
				}
			}
		}
		if g.time != 5 {
			t.Errorf("%d steps are counted", g.time)
		}
	}
}

// The first ratio is exactly 1, whatever minibatch a row is in and wherever.
func TestGPUFirstRatioIsOne(t *testing.T) {
	c, g := newTestCPU(t, simplex(t, 13), 27, 64, nil), newTestGPU(t, simplex(t, 13), 27, 64, nil)
	rows := shuffledRows(150, 1)
	for _, mb := range [][]int32{rows[:64], rows[64:128], rows[128:], rows[3:4]} {
		if d := learn(t, g, sampled(t, c, 150, 5), settings(), mb); d.MaxRatioDeviation != 0 || d.Steps != 1 {
			t.Fatalf("%d rows: diagnostics %+v", len(mb), d)
		}
	}
}

// Rows that pad a minibatch change nothing, not a bit.
func TestGPURaggedMinibatch(t *testing.T) {
	var want []float32
	for _, minibatch := range []int{20, 64, 300} {
		c, g := newTestCPU(t, simplex(t, 4), 3, minibatch, nil), newTestGPU(t, simplex(t, 4), 3, minibatch, nil)
		learn(t, g, sampled(t, c, 20, 6), settings(), rowsOf(20), rowsOf(7), shuffledRows(20, 1))
		got := paramsOf(t, g)
		if want == nil {
			want = got
		}
		if !slices.Equal(got, want) {
			t.Errorf("minibatches of %d rows learn something else", minibatch)
		}
	}
}

// Many steps end where the CPU ends, up to rounding.
func TestGPULearnsAsCPU(t *testing.T) {
	c, g := newTestCPU(t, simplex(t, 6), 4, 32, nil), newTestGPU(t, simplex(t, 6), 4, 32, nil)
	b := sampled(t, c, 100, 8)
	mbs := append(inMinibatches(shuffledRows(100, 1), 32), inMinibatches(shuffledRows(100, 2), 32)...)
	dc, dg := learn(t, c, b, settings(), mbs...), learn(t, g, b, settings(), mbs...)
	if dc.Steps != dg.Steps || math.Abs(dc.PolicyLoss-dg.PolicyLoss) > 1e-4 || math.Abs(dc.ValueLoss-dg.ValueLoss) > 1e-4 {
		t.Errorf("diagnostics %+v, on the CPU %+v", dg, dc)
	}
	// Adam turns a gradient near 0 into a step of the learning rate, whose sign is
	// then a matter of rounding: the mean says more than the largest difference.
	mean := 0.
	for i, x := range paramsOf(t, g) {
		mean += math.Abs(float64(x)-float64(c.params[i])) / float64(c.layout.size)
	}
	if mean > 1e-5 {
		t.Errorf("the parameters differ by %g on average", mean)
	}
}

// Asking for diagnostics after every epoch, or with other settings, changes
// nothing, and memory that grows neither.
func TestGPUQueue(t *testing.T) {
	c := newTestCPU(t, simplex(t, 4), 3, 16, nil)
	b := sampled(t, c, 50, 8)
	train := func(rows, steps int, every bool) ([]float32, Diagnostics) {
		gs, err := NewGPUs(cudatest.Open(t), []GPUSpec{{
			Solver: simplex(t, 4), ObsDim: 3, Minibatch: 16, Config: DefaultConfig(), Seed: 1, Rows: rows, Steps: steps,
		}})
		if err != nil {
			t.Fatal(err)
		}
		g := gs[0].(*GPU)
		defer g.Close()
		if err := g.Load(b); err != nil {
			t.Fatal(err)
		}
		var d Diagnostics
		for epoch := range 3 {
			for _, mb := range inMinibatches(shuffledRows(50, uint64(epoch)), 16) {
				if err := g.Step(mb, settings()); err != nil {
					t.Fatal(err)
				}
			}
			if every {
				e, err := g.Diagnostics()
				if err != nil || e.Steps != 4 {
					t.Fatal(e, err)
				}
			}
			if epoch == 1 {
				s := settings()
				s.LearningRate = 3e-4
				if err := g.Step(rowsOf(3), s); err != nil {
					t.Fatal(err)
				}
				if every {
					if _, err := g.Diagnostics(); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		if !every {
			if d, err = g.Diagnostics(); err != nil || d.Steps != 13 || d.MaxRatioDeviation != 0 {
				t.Fatal(d, err)
			}
		}
		return paramsOf(t, g), d
	}
	want, _ := train(50, 16, false)
	for _, tc := range []struct {
		rows, steps int
		every       bool
	}{{50, 16, true}, {0, 0, false}, {0, 0, true}, {64, 3, true}} {
		if got, _ := train(tc.rows, tc.steps, tc.every); !slices.Equal(got, want) {
			t.Errorf("%+v: something else is learned", tc)
		}
	}
}

// A state goes from device to device and back.
func TestGPUState(t *testing.T) {
	c, a, b := newTestCPU(t, simplex(t, 4), 3, 16, nil), newTestGPU(t, simplex(t, 4), 3, 16, nil), newTestGPU(t, simplex(t, 4), 3, 16, nil)
	batch := sampled(t, c, 16, 1)
	learn(t, a, batch, settings(), rowsOf(16), rowsOf(9))
	s, err := a.State()
	if err != nil {
		t.Fatal(err)
	}
	if s.Step != 2 {
		t.Errorf("%d steps in the state", s.Step)
	}
	if err := errors.Join(b.SetState(s), c.SetState(s)); err != nil {
		t.Fatal(err)
	}
	back, err := c.State()
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range []*GPU{a, b} {
		learn(t, g, batch, settings(), rowsOf(16))
	}
	if !slices.Equal(paramsOf(t, a), paramsOf(t, b)) {
		t.Error("training goes on differently from a state")
	}

	// The CPU's copy of it continues on the device.
	if err := b.SetState(back); err != nil {
		t.Fatal(err)
	}
	learn(t, b, batch, settings(), rowsOf(16))
	if !slices.Equal(paramsOf(t, a), paramsOf(t, b)) {
		t.Error("training goes on differently by way of the CPU")
	}

	// Steps that are queued are in the state.
	if err := b.Step(rowsOf(16), settings()); err != nil {
		t.Fatal(err)
	}
	if s, err = b.State(); err != nil || s.Step != 4 {
		t.Errorf("%d steps in the state, error %v", s.Step, err)
	}

	s.Params[3].Name = "other"
	if b.SetState(s) == nil {
		t.Error("a tensor of another name is taken")
	}
}

// A sample comes from the parameters that the queued steps lead to.
func TestGPUSampleAfterSteps(t *testing.T) {
	c, a, b := newTestCPU(t, simplex(t, 4), 3, 16, nil), newTestGPU(t, simplex(t, 4), 3, 16, nil), newTestGPU(t, simplex(t, 4), 3, 16, nil)
	batch, s := sampled(t, c, 16, 1), settings()
	s.LearningRate = 0.1
	x, y, before := &Samples{}, &Samples{}, &Samples{}
	if err := errors.Join(a.Sample(request(9, 3, 2), before), a.Load(batch), a.Step(rowsOf(16), s), a.Sample(request(9, 3, 2), x)); err != nil {
		t.Fatal(err)
	}
	learn(t, b, batch, s, rowsOf(16))
	if err := b.Sample(request(9, 3, 2), y); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(x.Actions, y.Actions) || !slices.Equal(x.Value, y.Value) || slices.Equal(x.Value, before.Value) {
		t.Error("the sample comes before the step")
	}
	if d, err := a.Diagnostics(); err != nil || d.Steps != 1 {
		t.Errorf("diagnostics %+v, %v", d, err)
	}
}

// Rows that the device kept are learned from as those that come back to it.
func TestGPUKeptRows(t *testing.T) {
	a, b := newTestGPU(t, simplex(t, 5), 3, 16, nil), newTestGPU(t, simplex(t, 5), 3, 16, nil)
	req, out := request(32, 3, 4), &Samples{}
	if err := a.Sample(req, out); err != nil {
		t.Fatal(err)
	}
	batch := batchOf(req, out, 2)
	learn(t, a, batch, settings(), rowsOf(32)[:16], rowsOf(32)[16:])

	// In two parts, the later one first, and with a request between that is none.
	req = request(32, 3, 4)
	for _, at := range []int{20, 0} {
		to := map[int]int{20: 32, 0: 20}[at]
		part := &Request{Rows: to - at, Obs: req.Obs[at*3 : to*3], Streams: req.Streams[at:to], Keep: true, At: at, Brief: true}
		if err := errors.Join(b.Sample(part, &Samples{}), b.Sample(request(8, 3, 9), &Samples{})); err != nil {
			t.Fatal(err)
		}
	}
	learn(t, b, &Batch{Rows: 32, Advantage: batch.Advantage, Return: batch.Return}, settings(), rowsOf(32)[:16], rowsOf(32)[16:])
	if !slices.Equal(paramsOf(t, a), paramsOf(t, b)) {
		t.Error("the parameters differ")
	}
}

// Whatever comes between a batch and its steps, they learn from the batch: kept
// rows, other parameters, memory that grows.
func TestGPUBatchStays(t *testing.T) {
	c, other := newTestCPU(t, simplex(t, 4), 3, 16, nil), newTestCPU(t, simplex(t, 4), 3, 16, nil)
	batch := sampled(t, c, 40, 1)
	learn(t, other, batch, Settings{LearningRate: 0.02, Clip: 1, Beta1: 0.9, Beta2: 0.9, Epsilon: 1e-8}, rowsOf(16))
	state := mustState(t, other)
	rows := shuffledRows(40, 3)
	var want []float32
	for _, between := range []string{"nothing", "kept rows", "memory", "all"} {
		g := newTestGPU(t, simplex(t, 4), 3, 16, nil)
		is := func(what string) bool { return between == what || between == "all" }
		keep := func(at int) {
			if is("kept rows") {
				req := keeping(request(30, 3, 77))
				req.At = at
				if err := g.Sample(req, &Samples{}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := g.Load(batch); err != nil {
			t.Fatal(err)
		}
		keep(0)
		if err := errors.Join(g.SetState(state), g.Step(rows[:16], settings())); err != nil {
			t.Fatal(err)
		}
		if is("memory") {
			mustState(t, g)
		}
		keep(20)
		for i := range 12 {
			if err := g.Step(rows[i:i+16], settings()); err != nil {
				t.Fatal(err)
			}
		}
		d, err := g.Diagnostics()
		if err != nil || d.MaxRatioDeviation == 0 {
			t.Fatalf("%s: %+v, %v", between, d, err)
		}
		got := paramsOf(t, g)
		if want == nil {
			want = got
			// The CPU takes its old log-probabilities when a batch is loaded, too.
			if err := errors.Join(c.Load(batch), c.SetState(state), c.Step(rows[:16], settings())); err != nil {
				t.Fatal(err)
			}
			for i := range 12 {
				if err := c.Step(rows[i:i+16], settings()); err != nil {
					t.Fatal(err)
				}
			}
			e, err := c.Diagnostics()
			if err != nil || math.Abs(e.MaxRatioDeviation-d.MaxRatioDeviation) > 1e-3*e.MaxRatioDeviation {
				t.Errorf("the first ratio is off by %g, on the CPU by %g, %v", d.MaxRatioDeviation, e.MaxRatioDeviation, err)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s between: something else is learned", between)
		}
		// The rows that were kept are gone.
		if g.Load(&Batch{Rows: 1, Advantage: make([]float32, 1), Return: make([]float32, 1)}) == nil {
			t.Errorf("%s between: rows that have made room are learned from", between)
		}
	}
}
