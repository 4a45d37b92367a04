//go:build gpu

package kernels_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"paspo/internal/blas"
	"paspo/kernels"
)

// batch is what gather reads and writes, in the order of the fields.
var batchWidths = []struct {
	name  string
	width func(obs, entities, heads int) int
}{
	{"obs", func(o, _, _ int) int { return o }},
	{"prefix", func(_, e, _ int) int { return e }},
	{"logX", func(_, _, h int) int { return h }},
	{"log1mX", func(_, _, h int) int { return h }},
	{"logWidth", func(_, _, h int) int { return h }},
	{"mask", func(_, _, h int) int { return h }},
	{"old", func(_, _, _ int) int { return 1 }},
	{"advantage", func(_, _, _ int) int { return 1 }},
	{"target", func(_, _, _ int) int { return 1 }},
}

func TestGather(t *testing.T) {
	d := open(t)
	r := rand.New(rand.NewPCG(5, 6))
	for _, s := range []struct{ m, total, obs, entities, heads int }{{1, 1, 1, 1, 1}, {65, 200, 27, 13, 12}, {9, 100, 33, 5, 5}} {
		for _, permuted := range []bool{true, false} {
			t.Run(title("%+v %v", s, permuted), func(t *testing.T) {
				a := newArena(t, d, 2)
				steps := (s.total + s.m - 1) / s.m
				perm, count, ctl := a.region(4*steps*s.m), a.region(4*steps), a.region(kernels.ControlBytes)
				var from, to []region
				for _, f := range batchWidths {
					w := f.width(s.obs, s.entities, s.heads)
					from, to = append(from, a.floats(s.total*w)), append(to, a.floats(s.m*w))
				}
				weight := a.floats(s.m)
				a.place()
				args := &kernels.GatherArgs{
					Ctl: a.at(ctl), Obs: a.at(from[0]), Prefix: a.at(from[1]), LogX: a.at(from[2]), Log1mX: a.at(from[3]),
					LogWidth: a.at(from[4]), Mask: a.at(from[5]), Old: a.at(from[6]), Advantage: a.at(from[7]), Target: a.at(from[8]),
					ToObs: a.at(to[0]), ToPrefix: a.at(to[1]), ToLogX: a.at(to[2]), ToLog1mX: a.at(to[3]),
					ToLogWidth: a.at(to[4]), ToMask: a.at(to[5]), ToOld: a.at(to[6]), ToAdvantage: a.at(to[7]), ToTarget: a.at(to[8]),
					ToWeight: a.at(weight), Rows: int64(s.m), Total: int64(s.total),
					ObsDim: int64(s.obs), Entities: int64(s.entities), Heads: int64(s.heads), Stride: int64(a.stride),
				}
				if permuted {
					args.Perm, args.Count = a.at(perm), a.at(count)
				}
				at := make([]int, a.agents)
				for i := range a.agents {
					for _, g := range from {
						fill(r, a.f32(i, g))
					}
					rows := view[int32](a, i, perm)
					for j, v := range r.Perm(s.total) {
						rows[j] = int32(v)
					}
					for j := range steps {
						view[int32](a, i, count)[j] = int32(min(s.m, s.total-j*s.m))
					}
					at[i] = r.IntN(steps)
					*control(a, i, ctl) = kernels.Control{At: int64(at[i]), Steps: int64(steps)}
				}
				a.run(append(to, weight), args)
				for i := range a.agents {
					for j := range s.m {
						row, w := at[i]*s.m+j, float32(1)
						if permuted {
							w = 1 / float32(view[int32](a, i, count)[at[i]])
							row = int(view[int32](a, i, perm)[row])
						}
						if row < 0 || row >= s.total {
							row, w = 0, 0
						}
						if got := a.f32(i, weight)[j]; got != w {
							t.Fatalf("agent %d: row %d has the weight %v, not %v", i, j, got, w)
						}
						for f, g := range from {
							n := len(a.raw(i, to[f])) / s.m
							sameBits(t, batchWidths[f].name, a.raw(i, to[f])[j*n:][:n], a.raw(i, g)[row*n:][:n])
						}
					}
				}
			})
		}
	}
}

func control(a *arena, agent int, r region) *kernels.Control {
	return &view[kernels.Control](a, agent, r)[0]
}

func TestStoreOld(t *testing.T) {
	d := open(t)
	const m, total = 300, 700
	a := newArena(t, d, 2)
	ctl, terms, old := a.region(kernels.ControlBytes), a.floats(2*m), a.floats(total)
	a.place()
	for i := range a.agents {
		*control(a, i, ctl) = kernels.Control{At: int64(i + 1), Steps: 3}
		for j := range 2 * m {
			a.f32(i, terms)[j] = float32(1000*i + j)
		}
	}
	a.run([]region{ctl, old}, &kernels.StoreOldArgs{
		Ctl: a.at(ctl), Terms: a.at(terms), Old: a.at(old), Rows: m, Total: total, Stride: int64(a.stride),
	})
	for i := range a.agents {
		if c := control(a, i, ctl); c.At != int64(i+2) {
			t.Errorf("agent %d is at %d, not %d", i, c.At, i+2)
		}
		for j, v := range a.f32(i, old) {
			k := j - (i+1)*m
			if in := k >= 0 && k < m; in != (v == v) || in && v != float32(1000*i+2*k) {
				t.Fatalf("agent %d: old[%d] = %v", i, j, v)
			}
		}
	}
}

// finished holds what the end of a step works on.
type finished struct {
	*arena
	ctl, w, g, m, v, squares, sums region
	size, blocks                   int
}

func newFinished(t *testing.T, d *device, r *rand.Rand, agents, size, blocks int) *finished {
	f := &finished{arena: newArena(t, d, agents), size: size, blocks: blocks}
	f.ctl, f.w, f.g, f.m, f.v = f.region(kernels.ControlBytes), f.floats(size), f.floats(size), f.floats(size), f.floats(size)
	f.squares, f.sums = f.region(8*kernels.NormBlocks(size)), f.region(kernels.DiagnosticsBytes*blocks)
	f.place()
	for i := range agents {
		*control(f.arena, i, f.ctl) = kernels.Control{
			At: 1, Steps: 3, Time: int64(r.IntN(100)), LearningRate: 1e-3, Clip: .3, ValueCoef: .5, EntropyCoef: .01,
			MaxGradNorm: 2, WeightDecay: 1e-3, Beta1: .99, Beta2: .999, Epsilon: 1e-8, KL: 1, Deviation: 7,
		}
		for _, g := range []region{f.w, f.g, f.m, f.v} {
			fill(r, f.f32(i, g))
		}
		for j := range size {
			f.f32(i, f.v)[j] *= f.f32(i, f.v)[j]
		}
		fill64(r, view[float64](f.arena, i, f.sums))
	}
	return f
}

func fill64(r *rand.Rand, x []float64) {
	for i := range x {
		x[i] = r.Float64()
	}
}

// end is the launches that end a step.
func (f *finished) end() []kernels.Args {
	n, l, s := int64(kernels.NormBlocks(f.size)), int64(f.blocks), int64(f.stride)
	return []kernels.Args{
		&kernels.GradNormArgs{Ctl: f.at(f.ctl), G: f.at(f.g), Squares: f.at(f.squares), Size: int64(f.size), Copies: 1, Stride: s},
		&kernels.AdamArgs{
			Ctl: f.at(f.ctl), W: f.at(f.w), G: f.at(f.g), M: f.at(f.m), V: f.at(f.v), Squares: f.at(f.squares), Sums: f.at(f.sums),
			Size: int64(f.size), NormBlocks: n, LossBlocks: l, Stride: s,
		},
		&kernels.FinishArgs{Ctl: f.at(f.ctl), Squares: f.at(f.squares), Sums: f.at(f.sums), NormBlocks: n, LossBlocks: l, Stride: s},
	}
}

// reference is policy's step in float64, with the factors that policy rounds to
// float32. It returns the norm.
func reference(c *kernels.Control, w, g, m, v []float64) float64 {
	norm := 0.
	for _, x := range g {
		norm += x * x
	}
	norm = math.Sqrt(norm)
	scale, t := 1., float64(c.Time+1)
	if c.MaxGradNorm > 0 {
		scale = min(1, c.MaxGradNorm/(norm+1e-6))
	}
	for i := range w {
		d := scale*g[i] + c.WeightDecay*w[i]
		m[i] = c.Beta1*m[i] + (1-c.Beta1)*d
		v[i] = c.Beta2*v[i] + (1-c.Beta2)*d*d
		mh, vh := m[i]/(1-math.Pow(c.Beta1, t)), v[i]/(1-math.Pow(c.Beta2, t))
		w[i] -= c.LearningRate * mh / (math.Sqrt(vh) + c.Epsilon)
	}
	return norm
}

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func TestAdamAndFinish(t *testing.T) {
	d := open(t)
	r := rand.New(rand.NewPCG(7, 8))
	for _, size := range []int{1, 1000, 1025, 4096} {
		for _, blocks := range []int{1, 3, 300} {
			f := newFinished(t, d, r, 2, size, blocks)
			control(f.arena, 1, f.ctl).MaxGradNorm = 0
			control(f.arena, 1, f.ctl).At = 0
			type state struct{ w, g, m, v []float64 }
			var want, cpu [2]state
			var before [2]kernels.Control
			for i := range f.agents {
				s := state{widen(f.f32(i, f.w)), widen(f.f32(i, f.g)), widen(f.f32(i, f.m)), widen(f.f32(i, f.v))}
				before[i] = *control(f.arena, i, f.ctl)
				cpu[i] = onCPU(&before[i], f.f32(i, f.w), f.f32(i, f.g), f.f32(i, f.m), f.f32(i, f.v))
				reference(&before[i], s.w, s.g, s.m, s.v)
				want[i] = s
			}
			f.run([]region{f.ctl, f.w, f.g, f.m, f.v, f.squares}, f.end()...)
			for i := range f.agents {
				relative(t, "parameter", f.f32(i, f.w), want[i].w)
				relative(t, "first moment", f.f32(i, f.m), want[i].m)
				relative(t, "second moment", f.f32(i, f.v), want[i].v)
				relative(t, "parameter beside the CPU's", f.f32(i, f.w), cpu[i].w)
				relative(t, "first moment beside the CPU's", f.f32(i, f.m), cpu[i].m)
				relative(t, "second moment beside the CPU's", f.f32(i, f.v), cpu[i].v)
				checkFinish(t, f, i, &before[i])
			}
		}
	}
}

// relative allows 1e-6 of the larger of a number and 1.
func relative(t *testing.T, what string, got []float32, want []float64) {
	t.Helper()
	may := make([]float64, len(want))
	for i, v := range want {
		may[i] = 1e-6 * max(1, math.Abs(v))
	}
	near(t, what, got, want, may)
}

// onCPU is the step as package policy takes it.
func onCPU(c *kernels.Control, w, g, m, v []float32) (s struct{ w, g, m, v []float64 }) {
	w, m, v = append([]float32(nil), w...), append([]float32(nil), m...), append([]float32(nil), v...)
	scale, t := 1., float64(c.Time+1)
	if c.MaxGradNorm > 0 {
		scale = min(1, c.MaxGradNorm/(math.Sqrt(blas.SumSquares(g))+1e-6))
	}
	blas.Adam(&blas.AdamStep{
		Scale: float32(scale), Decay: float32(c.WeightDecay),
		Beta1: float32(c.Beta1), Beta2: float32(c.Beta2), Gain1: float32(1 - c.Beta1), Gain2: float32(1 - c.Beta2),
		Rate:      float32(c.LearningRate / (1 - math.Pow(c.Beta1, t))),
		RootScale: float32(1 / math.Sqrt(1-math.Pow(c.Beta2, t))), Epsilon: float32(c.Epsilon),
	}, w, g, m, v)
	s.w, s.g, s.m, s.v = widen(w), widen(g), widen(m), widen(v)
	return s
}

func checkFinish(t *testing.T, f *finished, agent int, before *kernels.Control) {
	t.Helper()
	var sum [6]float64
	for j, v := range view[float64](f.arena, agent, f.sums) {
		if sum[j%6] += v; j%6 == 5 {
			sum[5] = max(sum[5]-v, v)
		}
	}
	norm := 0.
	for _, v := range f.f32(agent, f.g) {
		norm += float64(v) * float64(v)
	}
	norm = math.Sqrt(norm)
	loss := sum[0] + .5*sum[1] - float64(float32(.01))*sum[2]
	if before.At > 0 {
		sum[5] = before.Deviation
	}
	c := control(f.arena, agent, f.ctl)
	got := []float64{
		c.PolicyLoss, c.ValueLoss, c.Entropy, c.KL, c.ClipFraction, c.Deviation, c.GradNorm, c.Loss, c.Norm,
		float64(c.At), float64(c.Time), float64(c.Bad), float64(c.Steps),
	}
	want := []float64{
		sum[0], sum[1], sum[2], before.KL + sum[3], sum[4], sum[5], norm, loss, norm,
		float64(before.At + 1), float64(before.Time + 1), 0, 3,
	}
	may := make([]float64, len(want))
	for j, v := range want {
		may[j] = 1e-12 * math.Abs(v)
	}
	near(t, "control", got, want, may)
}

// What is not finite stops the agent that it belongs to and no other.
func TestNotFinite(t *testing.T) {
	d := open(t)
	inf := float32(math.Inf(1))
	for _, test := range []struct {
		name   string
		bad    int64
		change func(f *finished)
	}{
		{"loss", kernels.BadLoss, func(f *finished) { view[float64](f.arena, 1, f.sums)[0] = math.NaN() }},
		{"value loss", kernels.BadLoss, func(f *finished) { view[float64](f.arena, 1, f.sums)[7] = math.Inf(1) }},
		{"loss beyond float32", kernels.BadLoss, func(f *finished) { view[float64](f.arena, 1, f.sums)[1] = 1e39 }},
		{"gradient", kernels.BadNorm, func(f *finished) { f.f32(1, f.g)[1026] = inf }},
		{"parameter", kernels.BadParams, func(f *finished) { f.f32(1, f.w)[1500] = inf }},
		{"parameters of several blocks and threads", kernels.BadParams, func(f *finished) {
			for _, i := range []int{3, 4, 1500} {
				f.f32(1, f.w)[i] = inf
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFinished(t, d, rand.New(rand.NewPCG(9, 10)), 3, 2000, 2)
			test.change(f)
			time := control(f.arena, 1, f.ctl).Time
			if test.bad == kernels.BadParams {
				time++
			}
			w := append([]byte(nil), f.raw(1, f.w)...)
			for range 2 {
				f.run([]region{f.ctl, f.w, f.m, f.v, f.squares}, f.end()...)
			}
			c := control(f.arena, 1, f.ctl)
			if c.Bad != test.bad || c.At != 1 || c.KL != 1 || c.Time != time {
				t.Errorf("bad %d at %d with KL %v after %d steps, want %d at 1 with 1 after %d", c.Bad, c.At, c.KL, c.Time, test.bad, time)
			}
			if moved := mismatch(w, f.raw(1, f.w)) >= 0; moved != (test.bad == kernels.BadParams) {
				t.Errorf("parameters moved: %v", moved)
			}
			for _, i := range []int{0, 2} {
				if c := control(f.arena, i, f.ctl); c.Bad != 0 || c.At != 3 {
					t.Errorf("agent %d is bad %d at %d, want 0 at 3", i, c.Bad, c.At)
				}
			}
		})
	}
}
