package agent

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"paspo/envs"
	"paspo/internal/long"
	"paspo/internal/stats"
	"paspo/lp"
	"paspo/policy"
	"paspo/policy/debias"
)

// A policy starts around the allocation of debias.around for every observation, and its actions
// satisfy the constraints.
func TestStartAround(t *testing.T) {
	long.Test(t)
	quiet(t)
	c := tiny(t)
	c.Debias.Around, c.Debias.Spread = "{A: 0.25, B: 0.35, C: 0.4}", 0.05
	dir := filepath.Join(t.TempDir(), "run")
	if err := goOn(c, dir); err != nil {
		t.Fatal(err)
	}
	a, cp, err := OpenRun(dir, Initial, "cpu")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	obs := []float64{1, 0, 0, 0, 1, 0}
	req := policy.Request{Rows: 2, Obs: obs[:2*a.Problem.Spec().ObsDim], Rule: policy.Mean}
	var out policy.Samples
	if err := a.Backend.SetState(cp.Policy); err != nil {
		t.Fatal(err)
	}
	if err := a.Backend.Sample(&req, &out); err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{0.25, 0.35, 0.4, 0.25, 0.35, 0.4} {
		if math.Abs(out.Actions[i]-want) > 0.01 { // the weights of the last layer are not 0
			t.Errorf("amount %d is %v, want %v", i, out.Actions[i], want)
		}
	}
	if out.MaxResidual > 1e-9 {
		t.Errorf("residual %v", out.MaxResidual)
	}
	c.Debias.Around = "{A: 0.5, B: 0.3, C: 0.2}"
	_, err = Start(c, filepath.Join(t.TempDir(), "other"))
	if err == nil || !strings.Contains(err.Error(), "debias.around breaks A + 2*B <= 1 by 0.1:") {
		t.Errorf("an allocation that is not allowed: %v", err)
	}
	c.Debias.Around = debias.Baseline
	_, err = Start(c, filepath.Join(t.TempDir(), "other"))
	if err == nil || !strings.Contains(err.Error(), "debias.around is baseline: synthetic knows no constant allocation") {
		t.Errorf("a problem that knows none: %v", err)
	}
}

// The constant allocation of a problem is feasible, and a run can start around it.
func TestStartAroundBaseline(t *testing.T) {
	long.Test(t)
	quiet(t)
	for _, env := range []string{"compute", "compute-capped"} {
		c := small(t)
		c.Env.Name, c.Debias.Enabled, c.Debias.Around = env, true, debias.Baseline
		c.Debias.CacheDir = ""
		a := initialised(t, c)
		d, err := a.DebiasConfig()
		if err != nil {
			t.Fatal(err)
		}
		want, err := a.Problem.(envs.Constantly).Constantly()
		if err != nil || len(d.Center) != 9 || a.Problem.Spec().Polytope.Residual(d.Center, nil) > 1e-9 {
			t.Errorf("%s: %v, %v", env, d.Center, err)
		}
		for i, x := range meansOf(t, a.Solver, a.Fit) {
			if math.Abs(x-want[i]) > 0.01 {
				t.Errorf("%s: entity %d starts at %v, want %v", env, i, x, want[i])
			}
		}
	}
}

// Under caps that follow the queues a run starts near the allocation that is closest within the caps
// of every state, which biases alone cannot give.
func TestStartAroundWithinCaps(t *testing.T) {
	long.Test(t)
	quiet(t)
	c := small(t)
	c.Env.Name, c.Debias.Enabled, c.Debias.Around, c.Debias.CacheDir = "compute-capped", true, debias.Baseline, ""
	c.Policy.Encoder, c.Policy.Heads, c.Policy.Latent, c.Policy.Critic = []int{8}, []int{8}, 8, []int{8}
	c.PPO.Minibatch = 256
	r, err := Start(c, filepath.Join(t.TempDir(), "run"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	a := r.Agent
	center, err := a.Problem.(envs.Constantly).Constantly()
	if err != nil {
		t.Fatal(err)
	}
	best := envs.Within(a.Problem.Spec().Polytope, envs.Constant(center))
	var tasks []float64
	for _, play := range []envs.Allocator{best, a.Allocator(r.Trainer.Checkpoint(), policy.Mean, 1)} {
		out, err := envs.Play(a.Problem, play, 100, 1000, 1)
		if err != nil {
			t.Fatal(err)
		}
		m := stats.Running{}
		for _, x := range out.Returns {
			m.Add(x)
		}
		tasks = append(tasks, m.Mean)
	}
	t.Logf("%.1f tasks in time, the policy %.1f", tasks[0], tasks[1])
	if tasks[1] < 0.9*tasks[0] {
		t.Errorf("the policy begins with %.1f tasks in time, the allocation in the caps has %.1f", tasks[1], tasks[0])
	}
}

// meansOf returns the action that takes the mean of every distribution of a fit.
func meansOf(t *testing.T, s lp.Solver, f *policy.Fit) []float64 {
	t.Helper()
	n := s.Polytope().Dim()
	chain, a := s.Chain(1), make([]float64, n)
	chain.Begin(1, nil)
	lo, hi := make([]float64, 1), make([]float64, 1)
	for i := range a {
		if err := chain.Next(lo, hi); err != nil {
			t.Fatal(err)
		}
		x := 0.5
		if i < len(f.Alpha) {
			x = f.Alpha[i] / (f.Alpha[i] + f.Beta[i])
		}
		a[i] = lo[0] + x*(hi[0]-lo[0])
		chain.Fix(a[i : i+1])
	}
	return a
}
