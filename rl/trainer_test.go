package rl_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"paspo/envs"
	"paspo/internal/finite"
	"paspo/internal/rng"
	"paspo/internal/stats"
	"paspo/policy"
	"paspo/ppo"
	"paspo/rl"
	"paspo/rl/internal/checkpoint"
)

// Training moves the budget to the entity with the largest reward.
func TestTrainerLearnsBandit(t *testing.T) {
	p := newBandit(t, 0, 0.2, 1)
	cfg := smallConfig()
	cfg.LR, cfg.LRSchedule, cfg.Steps = 0.05, rl.ScheduleConstant, 100*int64(cfg.BatchSize())
	tr, b := newFakeTrainer(t, p, cfg)
	if err := tr.Run(context.Background(), rl.Hooks{}); err != nil {
		t.Fatal(err)
	}
	if !(b.w[0] < -1.5 && b.w[1] < -1) {
		t.Errorf("w = %v: the first two entities still get a share", b.w)
	}
	e, err := rl.Evaluate(context.Background(), p, b, rl.EvalOptions{Episodes: 200, Rule: policy.Mode})
	if err != nil {
		t.Fatal(err)
	}
	perStep := 0.0
	steps := 0
	for i, r := range e.Returns {
		perStep += r
		steps += e.Lengths[i]
	}
	if perStep /= float64(steps); perStep < 0.7 {
		t.Errorf("reward %v a step, the best is 1, the first policy's 0.3", perStep)
	}
}

// Where the settings or the environment say so, the statistics of observations count every row of
// a rollout once, and no other observation.
func TestObservationsAreLearned(t *testing.T) {
	for _, c := range []struct {
		setting string
		on      bool
	}{{rl.NormalizeAuto, true}, {rl.NormalizeOn, true}, {rl.NormalizeOff, false}} {
		cfg := smallConfig()
		cfg.NormalizeObs, cfg.ObsClip, cfg.EvalEvery = c.setting, 4, 1
		tr, b := newFakeTrainer(t, newBandit(t, 1, 2, 3), cfg)
		for i := range 2 {
			if _, err := tr.IterateAndEvaluate(context.Background()); err != nil {
				t.Fatal(err)
			}
			want := 0.
			if c.on {
				want = float64((i + 1) * cfg.BatchSize())
			}
			if n := tr.Checkpoint().Policy.Normalizer; n.On != c.on || n.Clip != 4 || n.Seen.Count != want || b.norm.Seen.Count != want {
				t.Errorf("%s: %+v after %d rows", c.setting, n, (i+1)*cfg.BatchSize())
			}
		}
	}
}

// The batch that the backend is given has standardised advantages, and returns and actions that belong
// to the rewards.
func TestBatch(t *testing.T) {
	p := newBandit(t, 1, 2, 3)
	cfg := smallConfig()
	cfg.ScaleRewards, cfg.ScaleValues = false, false
	tr, b := newFakeTrainer(t, p, cfg)
	m, err := tr.Iterate(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	rows := cfg.BatchSize()
	if b.batch.Rows != rows || len(b.batch.Obs) != rows*2 || len(b.batch.LogX) != rows*2 || len(b.batch.Prefix) != rows*3 {
		t.Fatalf("lengths of the batch: %d, %d, %d", len(b.batch.Obs), len(b.batch.LogX), len(b.batch.Prefix))
	}
	var mean, square float64
	for _, a := range b.batch.Advantage {
		mean += float64(a) / float64(rows)
		square += float64(a) * float64(a) / float64(rows)
	}
	if math.Abs(mean) > 1e-6 || math.Abs(square-1) > 1e-5 {
		t.Errorf("advantages have mean %v and mean square %v", mean, square)
	}
	// The critic starts at 0: no variance explained, and the last step's return is
	// its reward.
	if math.Abs(m.ExplainedVariance) > 1e-12 {
		t.Errorf("explained variance %v", m.ExplainedVariance)
	}
	for e := range cfg.Envs {
		i := (cfg.StepsPerEnv-1)*cfg.Envs + e
		if b.batch.Return[i] != float32(tr.Rewards()[i]) {
			t.Errorf("environment %d: last return %v, reward %v", e, b.batch.Return[i], tr.Rewards()[i])
		}
	}
	// Every row has the action and the reward that belongs to it.
	for i := range rows {
		a := b.batch.Prefix[i*3 : i*3+3]
		if want := float64(a[0] + 2*a[1] + 3*a[2]); math.Abs(tr.Rewards()[i]-want) > 0.6 {
			t.Errorf("row %d: reward %v of an action worth %v", i, tr.Rewards()[i], want)
		}
	}
	if m.Step != int64(rows) || m.Iteration != 1 || m.Epochs != cfg.Epochs || m.Episodes == 0 {
		t.Errorf("%+v", m)
	}
	if b.step != int64(cfg.Epochs*((rows+cfg.Minibatch-1)/cfg.Minibatch)) {
		t.Errorf("%d gradient steps", b.step)
	}
}

func TestTargetKL(t *testing.T) {
	for _, c := range []struct {
		target, kl float64
		epochs     int
	}{{0, 1, 2}, {0.5, 1, 1}, {2, 1, 2}} {
		cfg := smallConfig()
		cfg.TargetKL = c.target
		tr, b := newFakeTrainer(t, newBandit(t, 1, 2), cfg)
		b.stepKL = c.kl
		m, err := tr.Iterate(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if m.Epochs != c.epochs || math.Abs(m.ApproxKL-c.kl) > 1e-12 {
			t.Errorf("target %g: %d epochs at KL %v, want %d at %v", c.target, m.Epochs, m.ApproxKL, c.epochs, c.kl)
		}
	}
}

func TestValueScaling(t *testing.T) {
	cfg := smallConfig()
	tr, _ := newFakeTrainer(t, newBandit(t, 1, 2), cfg)
	returns := make([]float64, cfg.BatchSize())
	r := rand.New(rng.New(3, "returns"))
	for i := range returns {
		returns[i] = 50 + 4*r.NormFloat64()
	}
	scaled := make([]float32, len(returns))
	tr.Targets(scaled, returns)
	back := make([]float64, len(returns))
	tr.CriticValues(back, scaled)
	var m stats.Running
	for i, x := range scaled {
		m.Add(float64(x))
		if math.Abs(back[i]-returns[i]) > 1e-4 {
			t.Fatalf("%v came back as %v", returns[i], back[i])
		}
	}
	if math.Abs(m.Mean) > 1e-5 || math.Abs(m.M2/m.N-1) > 1e-4 {
		t.Errorf("targets have mean %v and variance %v", m.Mean, m.M2/m.N)
	}
}

// Rewards are divided by the root mean square of the discounted sums, which start at 0 in every
// episode.
func TestRewardScaling(t *testing.T) {
	cfg := smallConfig()
	cfg.Envs, cfg.Gamma = 2, 0.5
	cfg.Minibatch = 32
	tr, _ := newFakeTrainer(t, newBandit(t, 1, 2), cfg)
	dst := make([]float64, 2)
	step := func(a, b float64, done bool) {
		tr.ScaleRewards(dst, []float64{a, b}, []bool{done, false})
	}
	step(2, 4, true)  // sums 2, 4
	step(6, 0, false) // sums 6, 2
	// 2, 4, 6, 2: mean square 15.
	if want := 6 / math.Sqrt(15); math.Abs(dst[0]-want) > 1e-15 || dst[1] != 0 {
		t.Errorf("got %v, want %v, 0", dst, want)
	}
}

// Whatever the first rewards are, a scaled reward is at most sqrt(2 N) after N rewards, and the
// unit of the rewards does not matter.
func TestRewardScalingIsBounded(t *testing.T) {
	const envs, steps = 4, 200
	starts := map[string]func(r *rand.Rand, step, e int) float64{
		"equal":             func(*rand.Rand, int, int) float64 { return 1 },
		"nearly equal":      func(_ *rand.Rand, step, e int) float64 { return 1 + 1e-9*float64((step+e)%3) },
		"zero":              func(*rand.Rand, int, int) float64 { return 0 },
		"zero but for one":  func(_ *rand.Rand, step, e int) float64 { return float64(step / 150 * (e / 3)) },
		"equal, then noise": func(r *rand.Rand, step, _ int) float64 { return 1 + float64(step/20)*r.NormFloat64() },
		"tiny":              func(r *rand.Rand, _, _ int) float64 { return 1e-12 * (1 + r.Float64()) },
	}
	for name, reward := range starts {
		for _, gamma := range []float64{0, 0.8, 1} {
			trainer := func() *rl.Trainer {
				cfg := smallConfig()
				cfg.Envs, cfg.Gamma = envs, gamma
				tr, _ := newFakeTrainer(t, newBandit(t, 1, 2), cfg)
				return tr
			}
			tr, cents := trainer(), trainer()
			r := rand.New(rng.New(5, name))
			x, y, dst, other := make([]float64, envs), make([]float64, envs), make([]float64, envs), make([]float64, envs)
			done := make([]bool, envs)
			for step := range steps {
				for e := range x {
					x[e] = reward(r, step, e)
					y[e] = x[e] * 1024
					done[e] = r.IntN(10) == 0
				}
				tr.ScaleRewards(dst, x, done)
				cents.ScaleRewards(other, y, done)
				bound := math.Sqrt(2 * float64((step+1)*envs))
				for e, s := range dst {
					if !(math.Abs(s) <= bound*(1+1e-12)) || s*x[e] < 0 || s == 0 && x[e] != 0 {
						t.Fatalf("%s, gamma %g, step %d: reward %v was scaled to %v, the bound is %v", name, gamma, step, x[e], s, bound)
					}
					if s != other[e] {
						t.Fatalf("%s, gamma %g, step %d: %v in another unit is %v", name, gamma, step, s, other[e])
					}
					if name == "equal" && gamma == 0 && s != 1 {
						t.Fatalf("equal rewards of 1 were scaled to %v", s)
					}
				}
			}
		}
	}
}

// Schedules have their first value in the first iteration and their last value in the last
// iteration, that of the entropy earlier where a setting says so.
func TestSchedulesEnd(t *testing.T) {
	const unit = 1. / 1024
	for _, c := range []struct {
		iterations int
		until      float64
		lr, weight []float64
	}{
		{5, 1, []float64{8, 6.5, 5, 3.5, 2}, []float64{4, 3, 2, 1, 0}},
		{5, 0.5, []float64{8, 6.5, 5, 3.5, 2}, []float64{4, 2, 0, 0, 0}},
		{2, 1, []float64{8, 2}, []float64{4, 0}},
		{1, 1, []float64{8}, []float64{4}},
	} {
		cfg := smallConfig()
		cfg.LR, cfg.LRFinal, cfg.LRSchedule = 8*unit, 2*unit, rl.ScheduleLinear
		cfg.EntropyCoef, cfg.EntropyFinal, cfg.EntropySchedule, cfg.EntropyUntil = 4*unit, 0, rl.ScheduleLinear, c.until
		cfg.Steps = int64(c.iterations * cfg.BatchSize())
		tr, _ := newFakeTrainer(t, newBandit(t, 1, 2), cfg)
		for i := range c.iterations {
			m, err := tr.Iterate(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if m.LR != c.lr[i]*unit || m.EntropyCoef != c.weight[i]*unit {
				t.Errorf("iteration %d of %d, until %g: rate %v, weight %v; want %v, %v", i+1, c.iterations, c.until, m.LR/unit, m.EntropyCoef/unit, c.lr[i], c.weight[i])
			}
		}
	}
}

func TestInterrupted(t *testing.T) {
	p := newBandit(t, 1, 2, 3)
	tr, b := newFakeTrainer(t, p, smallConfig())
	twin, tb := newFakeTrainer(t, newBandit(t, 1, 2, 3), smallConfig())
	for range 2 {
		if _, err := tr.Iterate(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	// Cancelled at the 7th step of the third rollout.
	ctx, cancel := context.WithCancel(context.Background())
	canceller := &cancelling{fakeBackend: b, at: b.sampled + 7, cancel: cancel}
	tr.SetBackend(canceller)
	if _, err := tr.Iterate(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if tr.Iteration() != 2 || tr.Step() != 2*int64(tr.Config().BatchSize()) {
		t.Errorf("fell back to iteration %d, step %d", tr.Iteration(), tr.Step())
	}
	for tr.Iteration() < 4 {
		if _, err := tr.Iterate(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	for range 4 {
		if _, err := twin.Iterate(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(bytesOf(t, tr), bytesOf(t, twin)) {
		t.Errorf("an interruption changed what was learned: %v, %v", b.w, tb.w)
	}
}

type cancelling struct {
	*fakeBackend
	at     int
	cancel func()
}

func (c *cancelling) Sample(req *policy.Request, out *policy.Samples) error {
	if c.sampled+1 == c.at {
		c.cancel()
	}
	return c.fakeBackend.Sample(req, out)
}

func bytesOf(t testing.TB, tr *rl.Trainer) []byte {
	t.Helper()
	c, err := tr.Capture()
	if err != nil {
		t.Fatal(err)
	}
	b, err := checkpoint.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestNonFinite(t *testing.T) {
	for _, c := range []struct {
		where string // "env" or "backend"
		what  string
		at    int
		want  string
	}{
		{"env", "observation", 70, "steps of its episode: Step: component 1 of the observation is +Inf"},
		{"env", "reward", 70, "steps of its episode: Step: the reward is NaN"},
		{"backend", "action", 20, "component 1 of the action of environment 0 is NaN"},
		{"backend", "value", 20, "the value of environment 1 is NaN"},
		{"backend", "parameter", 6, "parameter w is NaN"},
		{"backend", "gradient", 3, "gradient of w is not finite"},
		{"backend", "loss", 3, "the value loss is +Inf"},
	} {
		t.Run(c.what, func(t *testing.T) {
			p := newBandit(t, 1, 2, 3)
			cfg := smallConfig()
			cfg.EvalEvery, cfg.Group = 0, 1
			tr, b := newFakeTrainer(t, p, cfg)
			if c.where == "env" {
				p.poison, p.poisonAt = c.what, int64(c.at)
			} else {
				b.poison, b.poisonAt = c.what, c.at
			}
			dir := t.TempDir()
			err := tr.Run(context.Background(), rl.Hooks{Checkpoints: dir})
			var nf *rl.NonFiniteError
			if !errors.As(err, &nf) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if nf.Environment != (c.where == "env") {
				t.Errorf("Environment is %v", nf.Environment)
			}
			if nf.Iteration < 1 || nf.Step == 0 {
				t.Errorf("iteration %d, step %d", nf.Iteration, nf.Step)
			}
			if _, err := rl.ReadCheckpoint(nf.Checkpoint); err != nil {
				t.Errorf("no state to look at: %v", err)
			}
			good, err := rl.LatestCheckpoint(dir)
			if err != nil {
				t.Fatal(err)
			}
			if good.Iteration != nf.Iteration-1 {
				t.Errorf("resumes from iteration %d, it failed in %d", good.Iteration, nf.Iteration)
			}
			for _, p := range good.Policy.Params {
				if finite.First(p.Data) >= 0 {
					t.Errorf("%s of what is resumed from is not finite", p.Name)
				}
			}
		})
	}
}

// Where a backend fails, the state after the last complete iteration is saved.
func TestBackendFails(t *testing.T) {
	tr, b := newFakeTrainer(t, newBandit(t, 1, 2), smallConfig())
	lost := errors.New("device lost")
	dir := t.TempDir()
	err := tr.Run(context.Background(), rl.Hooks{Checkpoints: dir, Iteration: func(m rl.Metrics) error {
		if m.Eval != nil && b.sampleErr == nil {
			b.sampleErr, b.poisonAt = lost, b.sampled+5
		}
		return nil
	}})
	if !errors.Is(err, b.sampleErr) {
		t.Fatalf("got %v", err)
	}
	c, err := rl.LatestCheckpoint(dir)
	if err != nil || c.Iteration != 3 {
		t.Fatalf("iteration %d, %v; want 3, after which an evaluation came", c.Iteration, err)
	}
}

func TestRefusals(t *testing.T) {
	p := newBandit(t, 1, 2)
	cfg := smallConfig()
	cfg.Minibatch = 1000
	if _, err := ppo.New(p, newFakeBackend(2, 2), cfg, 1); err == nil {
		t.Error("bad settings were taken")
	}
	p.poison = "observation"
	if _, err := ppo.New(p, newFakeBackend(2, 2), smallConfig(), 1); !errors.Is(err, envs.ErrNonFinite) {
		t.Errorf("a first observation of Inf: %v", err)
	}
}

func TestMetrics(t *testing.T) {
	m := rl.Metrics{Iteration: 3, Step: 99, Return: math.NaN(), LR: 0.5, MaxResidual: math.Inf(-1),
		Eval: &rl.Evaluation{Returns: []float64{1, 3}, Lengths: []int{2, 4}, MaxResidual: -1}, Info: []envs.Mean{{Name: `a "b"`, Value: 5}}}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	if _, ok := got["return"]; ok {
		t.Error("a mean of no episodes was written")
	}
	if got["step"] != 99.0 || got["lr"] != 0.5 || got["eval_return"] != 2.0 || got["eval_stderr"] != 1.0 || got["max_residual"] != nil || got[`info/a "b"`] != 5.0 {
		t.Errorf("%s", b)
	}
}

func TestQuantiles(t *testing.T) {
	v, mask := make([]float32, 202), make([]float32, 202)
	for i := range 101 {
		v[2*i], mask[2*i] = float32(100-i), 1
		v[2*i+1] = -1 // masked
	}
	q, _ := rl.Quantiles(v, mask, nil)
	if q != [3]float64{5, 50, 95} {
		t.Errorf("got %v", q)
	}
	if q, _ = rl.Quantiles(v, make([]float32, len(v)), nil); !math.IsNaN(q[1]) {
		t.Errorf("of nothing: %v", q)
	}
}

func TestExplainedVariance(t *testing.T) {
	target := []float64{1, 2, 3, 4}
	for _, c := range []struct {
		value []float64
		want  float64
	}{{target, 1}, {[]float64{2.5, 2.5, 2.5, 2.5}, 0}, {[]float64{11, 12, 13, 14}, 1}, {[]float64{2, 4, 6, 8}, 0}, {[]float64{4, 3, 2, 1}, -3}} {
		if got := rl.ExplainedVariance(target, c.value); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%v: %v, want %v", c.value, got, c.want)
		}
	}
}

// With one entity there is nothing to choose and there are no heads; training works all the same.
func TestOneEntity(t *testing.T) {
	tr, _ := newFakeTrainer(t, newBandit(t, 2), smallConfig())
	if err := tr.Run(context.Background(), rl.Hooks{Checkpoints: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	e, err := rl.Evaluate(context.Background(), tr.Problem(), tr.Backend(), rl.EvalOptions{Episodes: 50})
	if err != nil {
		t.Fatal(err)
	}
	if perStep := e.Mean() / e.MeanLength(); math.Abs(perStep-2) > 0.05 {
		t.Errorf("reward %v a step, want 2", perStep)
	}
}
