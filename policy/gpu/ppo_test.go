//go:build gpu

package gpu_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"paspo/cuda"
	"paspo/envs"
	"paspo/envs/portfolio"
	"paspo/internal/cudatest"
	"paspo/lp"
	"paspo/lp/interval"
	"paspo/policy"
	"paspo/policy/cpu"
	"paspo/policy/gpu"
	"paspo/ppo"
	"paspo/rl"
)

// task is a training of the portfolio.
type task struct {
	seed     uint64
	truncate bool // its episodes
	change   func(*ppo.Config)
}

// truncated is a portfolio whose episodes are truncated by a time limit.
type truncated struct{ envs.Problem }

func (p truncated) New() envs.Env { return truncatedEnv{p.Problem.New().(*portfolio.Env)} }

type truncatedEnv struct{ *portfolio.Env }

func (truncatedEnv) Truncated() bool { return true }

func (k task) config() ppo.Config {
	c := ppo.DefaultConfig()
	c.Envs, c.StepsPerEnv, c.Epochs, c.Minibatch = 4, 16, 3, 24
	c.EvalEvery, c.EvalEpisodes, c.EvalMaxSteps, c.CheckpointEvery = 2, 2, 20, 1
	c.Steps = 3 * int64(c.BatchSize())
	if k.change != nil {
		k.change(&c)
	}
	return c
}

func portfolioProblem(t testing.TB) (envs.Problem, lp.Solver) {
	t.Helper()
	p, err := portfolio.New(portfolio.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	s, err := interval.New(p.Spec().Polytope, interval.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return p, s
}

// trainers makes a trainer a task, on backends that share the device.
func trainers(t testing.TB, ctx *cuda.Context, tasks []task) []*rl.Trainer {
	t.Helper()
	p, s := portfolioProblem(t)
	var specs []gpu.Spec
	for _, k := range tasks {
		c := k.config()
		specs = append(specs, gpu.Spec{
			Solver: s, ObsDim: p.Spec().ObsDim, Minibatch: c.Minibatch, Config: policy.DefaultConfig(), Seed: k.seed,
			Rows: c.BatchSize(), Steps: c.Epochs * (c.BatchSize() + c.Minibatch - 1) / c.Minibatch,
		})
	}
	gs, err := gpu.NewAll(ctx, specs)
	if err != nil {
		t.Fatal(err)
	}
	var trs []*rl.Trainer
	for i, k := range tasks {
		t.Cleanup(func() { gs[i].Close() })
		of := p
		if k.truncate {
			of = truncated{p}
		}
		tr, err := ppo.New(of, gs[i], k.config(), k.seed)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(tr.Close)
		trs = append(trs, tr)
	}
	return trs
}

// curve collects the metrics of a run, without its times.
func curve(lines *[]string) rl.Hooks {
	return rl.Hooks{Iteration: func(m rl.Metrics) error {
		m.StepsPerSecond, m.RolloutSeconds, m.UpdateSeconds, m.EnvSeconds, m.SampleSeconds, m.EvalSeconds = 0, 0, 0, 0, 0, 0
		line := ""
		for _, e := range append(m.Choice[:], m.Eval, m.EvalSampled) {
			if e != nil {
				line += fmt.Sprintf("%+v ", *e)
			}
		}
		m.Eval, m.EvalSampled = nil, nil
		clear(m.Choice[:])
		*lines = append(*lines, line+fmt.Sprintf("%+v", m))
		return nil
	}}
}

func samePolicy(t testing.TB, name string, got, want *policy.State) {
	t.Helper()
	if got.Step != want.Step {
		t.Errorf("%s: %d steps, alone %d", name, got.Step, want.Step)
	}
	if n := got.Normalizer; !reflect.DeepEqual(n, want.Normalizer) || !n.On || (n.Seen.Count == 0) != (got.Step == 0) {
		t.Errorf("%s: %+v seen, alone %+v", name, n.Seen, want.Normalizer.Seen)
	}
	for _, p := range [][2][]policy.Tensor{{got.Params, want.Params}, {got.M, want.M}, {got.V, want.V}} {
		for i := range p[0] {
			if !slices.Equal(p[0][i].Data, p[1][i].Data) {
				t.Errorf("%s: %s differs", name, p[0][i].Name)
				return
			}
		}
	}
}

// Trainers side by side on one device learn what each learns alone, bit for bit.
func TestGPUTrainersTogether(t *testing.T) {
	tasks := []task{
		{seed: 1},
		{seed: 2, change: func(c *ppo.Config) { c.LR, c.Clip, c.TargetKL = 0.02, 0.1, 1e-3 }},
		{seed: 3, change: func(c *ppo.Config) { c.Envs, c.StepsPerEnv, c.Epochs = 3, 9, 2 }},
		{seed: 4, truncate: true, change: func(c *ppo.Config) { c.Minibatch, c.Group = 64, 2 }},
	}
	ctx := cudatest.Open(t)
	together := trainers(t, ctx, tasks)
	curves := make([][]string, len(tasks))
	hooks := make([]rl.Hooks, len(tasks))
	for i := range tasks {
		hooks[i] = curve(&curves[i])
	}
	for i, err := range rl.Together(context.Background(), together, hooks) {
		if err != nil {
			t.Fatalf("trainer %d: %v", i, err)
		}
	}
	for i, k := range tasks {
		alone := trainers(t, ctx, []task{k})[0]
		var lines []string
		if err := alone.Run(context.Background(), curve(&lines)); err != nil {
			t.Fatal(err)
		}
		samePolicy(t, fmt.Sprintf("trainer %d", i), together[i].Checkpoint().Policy, alone.Checkpoint().Policy)
		if !slices.Equal(curves[i], lines) {
			t.Errorf("trainer %d reports\n%s\nalone\n%s", i, strings.Join(curves[i], "\n"), strings.Join(lines, "\n"))
		}
	}
}

func cpuTrainer(t testing.TB, k task) *rl.Trainer {
	t.Helper()
	p, s := portfolioProblem(t)
	cfg := k.config()
	b, err := cpu.New(s, p.Spec().ObsDim, cfg.Minibatch, policy.DefaultConfig(), nil, k.seed)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := ppo.New(p, b, cfg, k.seed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	return tr
}

// When a device fails in the middle of a run, a checkpoint is written that the CPU can resume from.
func TestGPUDiesInARun(t *testing.T) {
	cudatest.Open(t) // chooses the driver
	cudatest.Fake(t)
	ctx, err := cuda.Open(1)
	if err != nil {
		t.Fatal(err)
	}
	defer ctx.Close()
	k := task{seed: 6}
	tr := trainers(t, ctx, []task{k})[0]
	dir := t.TempDir()
	err = tr.Run(context.Background(), rl.Hooks{Checkpoints: dir, Iteration: func(m rl.Metrics) error {
		if m.Iteration == 1 {
			cudatest.DieAfter(t, ctx, 100)
		}
		return nil
	}})
	if !errors.Is(err, cuda.ErrLost) {
		t.Fatalf("the run ends with %v", err)
	}
	c, err := rl.LatestCheckpoint(dir)
	if err != nil {
		t.Fatal(err)
	}
	if c.Iteration != 1 {
		t.Errorf("the checkpoint is of iteration %d", c.Iteration)
	}
	on := cpuTrainer(t, k)
	if err := on.Restore(c); err != nil {
		t.Fatal(err)
	}
	samePolicy(t, "restored", on.Checkpoint().Policy, tr.Checkpoint().Policy)
	if err := on.Run(context.Background(), rl.Hooks{}); err != nil {
		t.Fatal(err)
	}
}

// A run on the device resumes on the CPU and one on the CPU on the device: every first ratio is 1 and
// there are no violations.
func TestGPUCheckpointsMove(t *testing.T) {
	k := task{seed: 5}
	onCPU := func() *rl.Trainer { return cpuTrainer(t, k) }
	onGPU := func() *rl.Trainer { return trainers(t, cudatest.Open(t), []task{k})[0] }
	iterate := func(tr *rl.Trainer) {
		m, err := tr.Iterate(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if m.Violations > 0 || m.MaxResidual > 1e-6 || m.MaxRatioDeviation != 0 || math.IsNaN(m.PolicyLoss) {
			t.Errorf("metrics %+v", m)
		}
	}
	for _, way := range [][2]func() *rl.Trainer{{onCPU, onGPU}, {onGPU, onCPU}} {
		a, b := way[0](), way[1]()
		samePolicy(t, "at the start", a.Checkpoint().Policy, b.Checkpoint().Policy)
		iterate(a)
		dir := t.TempDir()
		if err := a.Run(context.Background(), rl.Hooks{Checkpoints: dir}); err != nil {
			t.Fatal(err)
		}
		c, err := rl.LatestCheckpoint(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Restore(c); err != nil {
			t.Fatal(err)
		}
		samePolicy(t, "moved", b.Checkpoint().Policy, a.Checkpoint().Policy)
		iterate(b)

		// A new run begins with what the other device learned.
		warm := way[1]()
		if differences, err := warm.WarmStart(c); err != nil || len(differences) > 0 {
			t.Fatal(differences, err)
		}
		begun := *warm.Checkpoint().Policy
		for i := range begun.M {
			if moved := func(x float32) bool { return x != 0 }; slices.ContainsFunc(begun.M[i].Data, moved) || slices.ContainsFunc(begun.V[i].Data, moved) {
				t.Errorf("a warm start has taken the moments of %s", begun.M[i].Name)
			}
		}
		begun.M, begun.V, begun.Step = c.Policy.M, c.Policy.V, c.Policy.Step
		samePolicy(t, "warm", &begun, c.Policy)
		iterate(warm)
	}
}

// An iteration of the paper's settings launches what docs/gpu/README.md says: a
// wait for each step's actions, one for the update, one for the state.
func TestGPULaunchesOfAnIteration(t *testing.T) {
	ctx := cudatest.Open(t)
	cudatest.Fake(t)
	cfg := ppo.DefaultConfig()
	tr := trainers(t, ctx, []task{{seed: 1, change: func(c *ppo.Config) { *c = cfg; c.EvalEvery = 0 }}})[0]
	iterate := func() {
		if _, err := tr.Iterate(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	iterate() // takes memory
	before := cudatest.Count(t, ctx)
	iterate()
	const (
		minibatch = 32 // launches of a gradient step
		forward   = 9  // of a pass for old log-probabilities
	)
	batches := cfg.BatchSize() / cfg.Minibatch
	steps, updates := cfg.StepsPerEnv, cfg.Epochs*batches
	want := cudatest.Counts{
		Launches: 2*steps + 1 + forward*batches + minibatch*updates, Graphs: batches + updates,
		CopiesIn: steps + 1 + 1, CopiesOut: steps + 1 + 1 + 1, Syncs: steps + 1 + 1 + 1,
	}
	if got := cudatest.Count(t, ctx).Since(before); got != want || want.Launches != 2761 {
		t.Errorf("%+v, want %+v", got, want)
	}
}
