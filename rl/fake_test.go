package rl_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"paspo/envs"
	"paspo/lp"
	"paspo/policy"
	"paspo/ppo"
	"paspo/rl"
)

// fakeBackend divides a budget of 1 over n entities: entity i takes the share x
// of what remains, x ~ Beta(alpha_i, 1) with alpha_i = exp(w_i), hence
// x = U^(1/alpha) and d ln pi / d w_i = 1 + alpha ln x. The value is linear in
// the observation. Steps follow the plain gradient, so that the batches of training
// can be checked without a network.
type fakeBackend struct {
	polytope *lp.Polytope
	n, dim   int
	w        []float32 // n-1
	v        []float32 // dim+1
	step     int64
	norm     *policy.Normalizer

	batch  *policy.Batch
	rows   []int32 // of all minibatches
	kept   policy.Batch
	diag   policy.Diagnostics
	stepKL float64 // what every step reports

	sampled   int    // calls of Sample
	poison    string // the quantity that becomes NaN
	poisonAt  int    // the call of Sample, or the step, in which it does
	sampleErr error
}

func newFakeBackend(n, dim int) *fakeBackend {
	b, err := makeBandit(make([]float64, n)...)
	if err != nil {
		panic(err)
	}
	return &fakeBackend{
		polytope: b.polytope, n: n, dim: dim, w: make([]float32, n-1), v: make([]float32, dim+1), norm: policy.NewNormalizer(dim, false, 0),
	}
}

func (b *fakeBackend) Device() string { return "fake" }
func (b *fakeBackend) Close() error   { return nil }

func (b *fakeBackend) Polytope() *lp.Polytope { return b.polytope }
func (b *fakeBackend) ObsDim() int            { return b.dim }

func (b *fakeBackend) value(obs []float32) float32 {
	y := b.v[b.dim]
	for j, x := range obs {
		y += b.v[j] * x
	}
	return y
}

func zeroed[T any](s []T, n int) []T {
	if cap(s) < n {
		s = make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

func (b *fakeBackend) Sample(req *policy.Request, out *policy.Samples) error {
	if b.sampled++; b.sampleErr != nil && b.sampled >= b.poisonAt {
		return b.sampleErr
	}
	rows, n, h := req.Rows, b.n, b.n-1
	if req.Learn {
		b.norm.Update(req.Obs)
	}
	obs := make([]float32, len(req.Obs))
	if err := b.norm.Apply(obs, req.Obs); err != nil {
		return err
	}
	out.Actions, out.Prefix, out.Residual = zeroed(out.Actions, rows*n), zeroed(out.Prefix, rows*n), zeroed(out.Residual, rows)
	for _, p := range []*[]float32{&out.LogX, &out.Log1mX, &out.LogWidth, &out.Mask, &out.Alpha, &out.Beta} {
		*p = zeroed(*p, rows*h)
	}
	for _, p := range []*[]float32{&out.LogProb, &out.Entropy, &out.Value} {
		*p = zeroed(*p, rows)
	}
	for r := range rows {
		left := 1.0
		for i := range h {
			alpha := math.Exp(float64(b.w[i]))
			x := alpha / (alpha + 1)
			if req.Rule == policy.Sampled {
				x = math.Pow(1-rand.New(req.Streams[r]).Float64(), 1/alpha)
			}
			k := r*h + i
			out.LogX[k], out.Log1mX[k] = float32(math.Log(x)), float32(math.Log1p(-min(x, 1-1e-12)))
			out.LogWidth[k], out.Mask[k] = float32(math.Log(max(left, 1e-30))), 1
			out.Alpha[k], out.Beta[k] = float32(alpha), 1
			out.LogProb[r] += float32(math.Log(alpha)+(alpha-1)*math.Log(x)) - out.LogWidth[k]
			out.Actions[r*n+i] = left * x
			left -= left * x
		}
		out.Actions[r*n+h] = left
		for i := range n {
			out.Prefix[r*n+i] = float32(out.Actions[r*n+i])
		}
		out.Value[r] = b.value(obs[r*b.dim : (r+1)*b.dim])
	}
	if req.Keep {
		k := &b.kept
		k.Obs = append(k.Obs[:req.At*b.dim], obs...)
		k.LogX = append(k.LogX[:req.At*h], out.LogX...)
		k.Prefix = append(k.Prefix[:req.At*n], out.Prefix...)
	}
	if b.sampled == b.poisonAt {
		switch b.poison {
		case "action":
			out.Actions[1] = math.NaN()
		case "value":
			out.Value[1] = float32(math.NaN())
		}
	}
	return nil
}

func (b *fakeBackend) Load(batch *policy.Batch) error {
	c := b.kept
	c.Rows, c.Advantage, c.Return = batch.Rows, batch.Advantage, batch.Return
	b.batch = &c
	return nil
}

func (b *fakeBackend) Step(rows []int32, s policy.Settings) error {
	b.rows = append(b.rows, rows...)
	h, m := b.n-1, float32(len(rows))
	gw, gv := make([]float32, h), make([]float32, len(b.v))
	for _, r := range rows {
		adv := b.batch.Advantage[r]
		for i := range h {
			alpha := float32(math.Exp(float64(b.w[i])))
			gw[i] -= adv * (1 + alpha*b.batch.LogX[int(r)*h+i]) / m
		}
		obs := b.batch.Obs[int(r)*b.dim : (int(r)+1)*b.dim]
		e := b.value(obs) - b.batch.Return[r]
		for j, x := range obs {
			gv[j] += e * x / m
		}
		gv[b.dim] += e / m
		b.diag.ValueLoss += float64(e*e) / float64(m)
	}
	norm := 0.0
	for i, g := range gw {
		b.w[i] -= float32(s.LearningRate) * g
		norm += float64(g * g)
	}
	for j, g := range gv {
		b.v[j] -= float32(s.LearningRate) * g
		norm += float64(g * g)
	}
	b.step++
	b.diag.Steps++
	b.diag.GradNorm += math.Sqrt(norm)
	b.diag.ApproxKL += b.stepKL
	if b.poisonAt > 0 && int(b.step) == b.poisonAt {
		switch b.poison {
		case "parameter":
			b.w[0] = float32(math.NaN())
		case "loss":
			b.diag.ValueLoss = math.Inf(1)
		}
	}
	return nil
}

func (b *fakeBackend) Diagnostics() (policy.Diagnostics, error) {
	d := b.diag
	if d.Steps > 0 {
		d.ValueLoss /= float64(d.Steps)
		d.GradNorm /= float64(d.Steps)
		d.ApproxKL /= float64(d.Steps)
	}
	b.diag = policy.Diagnostics{}
	if b.poison == "gradient" && int(b.step) >= b.poisonAt {
		return d, &policy.NonFiniteError{Tensor: "gradient of w", Step: b.step}
	}
	return d, nil
}

func (b *fakeBackend) State() (*policy.State, error) {
	t := func(name string, v []float32) policy.Tensor {
		return policy.Tensor{Name: name, Shape: []int{len(v)}, Data: append([]float32(nil), v...)}
	}
	zero := func(name string, v []float32) policy.Tensor { return t(name, make([]float32, len(v))) }
	return &policy.State{
		Params: []policy.Tensor{t("w", b.w), t("v", b.v)},
		M:      []policy.Tensor{zero("w", b.w), zero("v", b.v)},
		V:      []policy.Tensor{zero("w", b.w), zero("v", b.v)},
		Step:   b.step, Normalizer: b.norm.Clone(),
	}, nil
}

func (b *fakeBackend) SetState(s *policy.State) error {
	copy(b.w, s.Params[0].Data)
	copy(b.v, s.Params[1].Data)
	b.step, b.norm = s.Step, s.Normalizer.Clone()
	return nil
}

// bandit rewards the allocation a with c . a plus noise. Episodes last a random
// number of steps; the observation is the noisy step and a constant.
type bandit struct {
	polytope *lp.Polytope
	c        []float64
	noise    float64
	length   int  // mean number of steps
	volatile bool // cannot be saved
	poison   string
	poisonAt int64 // step of all environments together
	stepped  *atomic.Int64
}

func newBandit(t testing.TB, c ...float64) *bandit {
	t.Helper()
	b, err := makeBandit(c...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func makeBandit(c ...float64) (*bandit, error) {
	d := lp.Description{Name: "bandit", Total: 1}
	for i := range c {
		d.Entities = append(d.Entities, fmt.Sprintf("E%d", i))
	}
	p, err := lp.New(d)
	return &bandit{polytope: p, c: c, noise: 0.1, length: 5, stepped: new(atomic.Int64)}, err
}

func (b *bandit) Spec() envs.Spec {
	return envs.Spec{Name: "bandit", ObsDim: 2, Polytope: b.polytope, NormalizeObs: true}
}

func (b *bandit) New() envs.Env {
	e := &banditEnv{bandit: b}
	if b.volatile {
		return struct{ envs.Env }{e}
	}
	return e
}

type banditEnv struct {
	*bandit
	time uint64
}

func (e *banditEnv) Reset(r *rand.Rand, obs []float64) {
	e.time = 0
	e.observe(r, obs)
}

func (e *banditEnv) observe(r *rand.Rand, obs []float64) {
	obs[0], obs[1] = float64(e.time)+r.NormFloat64(), 3
	if e.poison == "observation" && e.stepped.Load() >= e.poisonAt {
		obs[1] = math.Inf(1)
	}
}

func (e *banditEnv) Step(r *rand.Rand, action, obs []float64) (reward float64, done bool) {
	e.time++
	e.stepped.Add(1)
	for i, a := range action {
		reward += e.c[i] * a
	}
	reward += e.noise * r.NormFloat64()
	if e.poison == "reward" && e.stepped.Load() >= e.poisonAt {
		reward = math.NaN()
	}
	e.observe(r, obs)
	return reward, r.IntN(e.length) == 0
}

// Truncated says that about every other episode was truncated.
func (e *banditEnv) Truncated() bool { return e.time%2 == 0 }

func (e *banditEnv) MarshalBinary() ([]byte, error) {
	return binary.LittleEndian.AppendUint64(nil, e.time), nil
}

func (e *banditEnv) UnmarshalBinary(b []byte) error {
	if len(b) != 8 {
		return errors.New("bandit: 8 bytes are needed")
	}
	e.time = binary.LittleEndian.Uint64(b)
	return nil
}

// smallConfig is quick, and has every option on that has state of its own.
func smallConfig() ppo.Config {
	c := ppo.DefaultConfig()
	c.Envs, c.StepsPerEnv, c.Epochs, c.Minibatch = 4, 16, 2, 24
	c.LR, c.EvalEvery, c.EvalEpisodes, c.CheckpointEvery, c.CheckpointSeconds = 0.05, 3, 5, 2, 0
	c.ScaleValues, c.ScaleRewards, c.Group = true, true, 2
	c.LRSchedule = rl.ScheduleLinear
	c.Steps = 20 * int64(c.BatchSize())
	return c
}

func newFakeTrainer(t testing.TB, p envs.Problem, cfg ppo.Config) (*rl.Trainer, *fakeBackend) {
	t.Helper()
	s := p.Spec()
	b := newFakeBackend(s.Polytope.Dim(), s.ObsDim)
	tr, err := ppo.New(p, b, cfg, 7)
	if err != nil {
		t.Fatal(err)
	}
	return tr, b
}
