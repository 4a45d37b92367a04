//go:build gpu

package policy

import (
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
