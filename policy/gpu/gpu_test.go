//go:build gpu

package gpu

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"paspo/internal/cudatest"
	"paspo/internal/rng"
	"paspo/lp"
	"paspo/policy"
	"paspo/policy/cpu"
	"paspo/policy/internal/adam"
	"paspo/policy/internal/network"
	"paspo/policy/internal/policytest"
)

func newTestCPU(t testing.TB, s lp.Solver, obs, minibatch int, change func(*policy.Config)) *cpu.Backend {
	t.Helper()
	cfg := policy.DefaultConfig()
	if change != nil {
		change(&cfg)
	}
	c, err := cpu.New(s, obs, minibatch, cfg, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func newTestGPU(t testing.TB, s lp.Solver, obs, minibatch int, change func(*policy.Config)) *Backend {
	t.Helper()
	cfg := policy.DefaultConfig()
	if change != nil {
		change(&cfg)
	}
	g, err := New(cudatest.Open(t), s, obs, minibatch, cfg, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g.(*Backend)
}

// onDevice reads floats of an agent's block.
func onDevice(t testing.TB, g *Backend, at int64, n int) (x []float32) {
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

func paramsOf(t testing.TB, g *Backend) []float32 {
	return onDevice(t, g, g.prog.at.params, g.Layout.Size)
}

func gradientOf(t testing.TB, g *Backend) []float32 {
	at, _ := g.prog.at.plan.Offset(g.prog.expr.Gradients[0])
	return onDevice(t, g, at, g.Layout.Size)
}

// learn loads a batch and takes steps of the given rows each.
func learn(t testing.TB, b policy.Backend, batch *policy.Batch, s policy.Settings, minibatches ...[]int32) policy.Diagnostics {
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
func sampled(t testing.TB, c *cpu.Backend, rows int, seed uint64) *policy.Batch {
	t.Helper()
	req, out := policytest.RandomRequest(rows, c.Layout.Obs, seed), &policy.Samples{}
	if err := c.Sample(req, out); err != nil {
		t.Fatal(err)
	}
	return policytest.RandomBatch(req, out, seed)
}

func shuffledRows(n int, seed uint64) []int32 {
	rows := policytest.FirstRows(n)
	rand.New(rand.NewPCG(seed, 2)).Shuffle(n, func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	return rows
}

func inMinibatches(rows []int32, m int) [][]int32 { return slices.Collect(slices.Chunk(rows, m)) }

// paramsOnHost returns the parameters of a backend, laid out as backends have them.
func paramsOnHost(t testing.TB, l *network.Layout, b policy.Backend) []float32 {
	x := make([]float32, l.Size)
	l.Fill(x, policytest.MustState(t, b).Params)
	return x
}

// The first gradient is that of the CPU, tensor by tensor, and so are the
// diagnostics of the step.
func TestGPUGradient(t *testing.T) {
	for _, tc := range []struct {
		name           string
		entities, rows int
		change         func(*policy.Config)
	}{
		{"paper", 13, 64, nil},
		{"one head", 2, 5, nil},
		{"one entity", 1, 8, nil},
		{"no hidden layers but one", 4, 33, func(c *policy.Config) { c.Encoder, c.Heads, c.Critic = nil, []int{7}, nil }},
		{"many rows", 3, 600, func(c *policy.Config) { c.Encoder, c.Latent = []int{40, 9}, 5 }},
		{"no ceiling", 5, 70, func(c *policy.Config) { c.MaxShape = 0 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := policytest.Simplex(t, tc.entities)
			c, g := newTestCPU(t, s, 6, tc.rows, tc.change), newTestGPU(t, s, 6, tc.rows, tc.change)
			if !slices.Equal(paramsOnHost(t, c.Layout, c), paramsOf(t, g)) {
				t.Fatal("the initial parameters differ")
			}
			b := sampled(t, c, tc.rows, 3)
			// Other parameters, so that ratios are not 1.
			move := func(b policy.Backend) {
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
			set := policytest.StepSettings()
			set.MaxGradNorm = 0
			move(c)
			move(g)
			dc, dg := learn(t, c, b, set, policytest.FirstRows(tc.rows)), learn(t, g, b, set, policytest.FirstRows(tc.rows))
			got, gradient := gradientOf(t, g), c.Gradient()
			for i := range c.Layout.Tensors {
				slot := &c.Layout.Tensors[i]
				var diff, norm float64
				for j, want := range gradient[i].Data {
					d := float64(network.Slice(got, slot)[j]) - float64(want)
					diff += d * d
					norm += float64(want) * float64(want)
				}
				if !(math.Sqrt(diff) <= 1e-4*math.Sqrt(norm)) {
					t.Errorf("%s differs by %.3g of a norm of %.3g", slot.Name, math.Sqrt(diff), math.Sqrt(norm))
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

// With equal gradients the optimiser takes the steps of the one on the CPU.
func TestGPUAdam(t *testing.T) {
	for _, clip := range []float64{0, 0.05, 1e3} {
		c, g := newTestCPU(t, policytest.Simplex(t, 5), 4, 32, nil), newTestGPU(t, policytest.Simplex(t, 5), 4, 32, nil)
		b := sampled(t, c, 32, 3)
		s := policytest.StepSettings()
		s.MaxGradNorm, s.WeightDecay, s.LearningRate = clip, 0.01, 1e-2
		w, opt := paramsOnHost(t, c.Layout, c), adam.Optimizer{M: make([]float32, c.Layout.Size), V: make([]float32, c.Layout.Size)}
		for step := range 5 {
			learn(t, g, b, s, policytest.FirstRows(32))
			opt.Apply(w, gradientOf(t, g), &s)
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

// The first ratio is exactly 1 in every minibatch and at every place in it.
func TestGPUFirstRatioIsOne(t *testing.T) {
	c, g := newTestCPU(t, policytest.Simplex(t, 13), 27, 64, nil), newTestGPU(t, policytest.Simplex(t, 13), 27, 64, nil)
	rows := shuffledRows(150, 1)
	for _, mb := range [][]int32{rows[:64], rows[64:128], rows[128:], rows[3:4]} {
		if d := learn(t, g, sampled(t, c, 150, 5), policytest.StepSettings(), mb); d.MaxRatioDeviation != 0 || d.Steps != 1 {
			t.Fatalf("%d rows: diagnostics %+v", len(mb), d)
		}
	}
}

// Rows that pad a minibatch do not change a bit of the result.
func TestGPURaggedMinibatch(t *testing.T) {
	var want []float32
	for _, minibatch := range []int{20, 64, 300} {
		c, g := newTestCPU(t, policytest.Simplex(t, 4), 3, minibatch, nil), newTestGPU(t, policytest.Simplex(t, 4), 3, minibatch, nil)
		learn(t, g, sampled(t, c, 20, 6), policytest.StepSettings(), policytest.FirstRows(20), policytest.FirstRows(7), shuffledRows(20, 1))
		got := paramsOf(t, g)
		if want == nil {
			want = got
		}
		if !slices.Equal(got, want) {
			t.Errorf("minibatches of %d rows learn something else", minibatch)
		}
	}
}

// After many steps the parameters are those of the CPU, up to rounding.
func TestGPULearnsAsCPU(t *testing.T) {
	c, g := newTestCPU(t, policytest.Simplex(t, 6), 4, 32, nil), newTestGPU(t, policytest.Simplex(t, 6), 4, 32, nil)
	b := sampled(t, c, 100, 8)
	mbs := append(inMinibatches(shuffledRows(100, 1), 32), inMinibatches(shuffledRows(100, 2), 32)...)
	dc, dg := learn(t, c, b, policytest.StepSettings(), mbs...), learn(t, g, b, policytest.StepSettings(), mbs...)
	if dc.Steps != dg.Steps || math.Abs(dc.PolicyLoss-dg.PolicyLoss) > 1e-4 || math.Abs(dc.ValueLoss-dg.ValueLoss) > 1e-4 {
		t.Errorf("diagnostics %+v, on the CPU %+v", dg, dc)
	}
	// Adam turns a gradient near 0 into a step of the size of the learning rate, whose sign
	// depends on rounding. So the mean difference is compared, not the largest.
	mean, want := 0., paramsOnHost(t, c.Layout, c)
	for i, x := range paramsOf(t, g) {
		mean += math.Abs(float64(x)-float64(want[i])) / float64(c.Layout.Size)
	}
	if mean > 1e-5 {
		t.Errorf("the parameters differ by %g on average", mean)
	}
}
