package rl_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"paspo/envs"
	"paspo/lp"
	"paspo/policy"
	"paspo/ppo"
	"paspo/rl"
)

// spoiled is a bandit whose environments call spoil before every step, and whose
// limits follow the state where limit is set.
type spoiled struct {
	*bandit
	calls atomic.Int64
	spoil func(call int64)
	limit func(call int64, l *lp.Limits)
}

func (s *spoiled) New() envs.Env {
	e := &spoiledEnv{s.bandit.New().(*banditEnv), s}
	if s.limit != nil {
		return limitedEnv{e}
	}
	return e
}

type spoiledEnv struct {
	*banditEnv
	s *spoiled
}

func (e *spoiledEnv) Step(r *rand.Rand, action, obs []float64) (float64, bool) {
	if call := e.s.calls.Add(1); e.s.spoil != nil {
		e.s.spoil(call)
	}
	return e.banditEnv.Step(r, action, obs)
}

type limitedEnv struct{ *spoiledEnv }

func (e limitedEnv) Limits(l *lp.Limits) { e.s.limit(e.s.calls.Load(), l) }

// A panic in an environment ends training with one error that names it. The state before is
// saved, and once the environment is repaired the resumed run learns what an uninterrupted one
// does.
func TestFaultIsSaved(t *testing.T) {
	cfg := smallConfig()
	cfg.EvalEvery, cfg.CheckpointEvery = 0, 100
	s := &spoiled{bandit: newBandit(t, 1, 2, 3)}
	tr, _ := newFakeTrainer(t, s, cfg)
	from := s.calls.Load()
	s.spoil = func(call int64) {
		if call > from+5*int64(cfg.BatchSize())+30 {
			panic("the market is closed")
		}
	}
	dir := t.TempDir()
	err := tr.Run(context.Background(), rl.Hooks{Checkpoints: dir})
	var f *envs.Fault
	if !errors.As(err, &f) || f.Method != "Step" || strings.Contains(err.Error(), "\n") {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"iteration 6, step 348: environment ", "Step: panic: the market is closed (fault_test.go:"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	s.spoil = nil
	again, _ := newFakeTrainer(t, s, cfg)
	if c, err := again.Resume(dir); err != nil || c.Iteration != 5 {
		t.Fatalf("resumed from %+v, %v", c, err)
	}
	whole, _ := newFakeTrainer(t, newBandit(t, 1, 2, 3), cfg)
	for _, tr := range []*rl.Trainer{again, whole} {
		if err := tr.Run(context.Background(), rl.Hooks{}); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(bytesOf(t, again), bytesOf(t, whole)) {
		t.Error("what was resumed learned something else")
	}
}

// An environment that ends its goroutine ends training with one error, and the state before is
// saved.
func TestGoexitIsSaved(t *testing.T) {
	cfg := smallConfig()
	cfg.EvalEvery, cfg.CheckpointEvery = 0, 100
	s := &spoiled{bandit: newBandit(t, 1, 2, 3)}
	tr, _ := newFakeTrainer(t, s, cfg)
	from := s.calls.Load()
	s.spoil = func(call int64) {
		if call > from+2*int64(cfg.BatchSize())+30 {
			runtime.Goexit()
		}
	}
	dir := t.TempDir()
	ended := make(chan error, 1)
	go func() {
		err := errors.New("training ended its caller")
		defer func() { ended <- err }()
		err = tr.Run(context.Background(), rl.Hooks{Checkpoints: dir})
	}()
	var f *envs.Fault
	if err := <-ended; !errors.As(err, &f) || f.Method != "Step" {
		t.Fatalf("got %v", err)
	}
	if c, err := rl.LatestCheckpoint(dir); err != nil || c.Iteration != 2 {
		t.Errorf("got %v, %v", c, err)
	}
}

// Where training is interrupted while an environment does not return from a step, what was learned
// before is saved meanwhile.
func TestHangIsSaved(t *testing.T) {
	cfg := smallConfig()
	cfg.EvalEvery, cfg.CheckpointEvery = 0, 100
	s := &spoiled{bandit: newBandit(t, 1, 2, 3)}
	tr, _ := newFakeTrainer(t, s, cfg)
	ctx, cancel := context.WithCancel(context.Background())
	from, released := s.calls.Load(), make(chan struct{})
	s.spoil = func(call int64) {
		if call > from+2*int64(cfg.BatchSize())+30 {
			cancel()
			<-released
		}
	}
	dir := t.TempDir()
	ended, saved := make(chan error, 1), make(chan string, 10)
	go func() {
		ended <- tr.Run(ctx, rl.Hooks{Checkpoints: dir, Saved: func(path string) { saved <- path }})
	}()
	<-saved // the initial policy
	<-saved // while the environment hangs
	if c, err := rl.LatestCheckpoint(dir); err != nil || c.Iteration != 2 {
		t.Errorf("got %v, %v", c, err)
	}
	select {
	case err := <-ended:
		t.Errorf("training ended while an environment hung: %v", err)
	default:
	}
	close(released)
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if c, err := rl.LatestCheckpoint(dir); err != nil || c.Iteration != 2 || len(saved) > 0 {
		t.Errorf("got %v, %v; saved again %d times", c, err, len(saved))
	}
}

// A trainer whose environments failed can be restored like any other.
func TestRestoreAfterFault(t *testing.T) {
	s := &spoiled{bandit: newBandit(t, 1, 2, 3)}
	tr, _ := newFakeTrainer(t, s, smallConfig())
	s.spoil = func(int64) { panic("once") }
	if _, err := tr.Iterate(context.Background()); err == nil {
		t.Fatal("no error")
	}
	s.spoil = nil
	if err := tr.Restore(tr.Checkpoint()); err != nil {
		t.Fatal(err)
	}
	twin, _ := newFakeTrainer(t, newBandit(t, 1, 2, 3), smallConfig())
	for _, x := range []*rl.Trainer{tr, twin} {
		if _, err := x.Iterate(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(bytesOf(t, tr), bytesOf(t, twin)) {
		t.Error("the fault left something behind")
	}
}

// Of trainings side by side, only the one whose environment panics ends.
func TestTogetherWithFault(t *testing.T) {
	var trainers []*rl.Trainer
	for i := range 3 {
		s := &spoiled{bandit: newBandit(t, 1, 2, 3)}
		tr, _ := newFakeTrainer(t, s, smallConfig())
		if i == 1 {
			s.spoil = func(int64) { panic("closed") }
		}
		trainers = append(trainers, tr)
	}
	for i, err := range rl.Together(context.Background(), trainers, nil) {
		var f *envs.Fault
		if errors.As(err, &f) != (i == 1) || i != 1 && (err != nil || trainers[i].Iteration() != 20) {
			t.Errorf("trainer %d: %v after %d iterations", i, err, trainers[i].Iteration())
		}
	}
}

func TestEvaluateFaults(t *testing.T) {
	s := &spoiled{bandit: newBandit(t, 1, 2, 3)}
	s.spoil = func(call int64) {
		if call == 4 {
			panic("closed")
		}
	}
	_, err := rl.Evaluate(context.Background(), s, newFakeBackend(3, 2), rl.EvalOptions{Episodes: 8})
	var f *envs.Fault
	if !errors.As(err, &f) || f.Env != 3 || !strings.HasPrefix(err.Error(), "evaluation: environment 3 of bandit: Step: panic: closed") {
		t.Errorf("got %v", err)
	}
}

// The error of limits that no allocation satisfies names environment, step and conflict, in
// training and in evaluation.
func TestEmptyLimits(t *testing.T) {
	s := &spoiled{bandit: newBandit(t, 1, 2, 3)}
	s.limit = func(_ int64, l *lp.Limits) { l.Upper = []float64{0.5, 0.5, 0.5} }
	tr, err := newCPU(s, smallConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	if _, err := tr.Iterate(context.Background()); err != nil {
		t.Fatal(err)
	}
	s.limit = func(call int64, l *lp.Limits) {
		if l.Upper = []float64{0.5, 0.5, 0.5}; call%3 == 2 {
			l.Upper = []float64{0.5, 0.2, 0.25}
		}
	}
	check := func(where string, err error) {
		t.Helper()
		var f *envs.Fault
		var empty *lp.EmptyError
		if !errors.As(err, &f) || !errors.As(err, &empty) || f.Method != "Limits" {
			t.Fatalf("%s: got %v", where, err)
		}
		if want := "Limits: the limits of bandit leave nothing: no allocation satisfies all of total = 1; E0 <= 0.5; E1 <= 0.2; E2 <= 0.25"; !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", where, err, want)
		}
	}
	_, err = tr.Iterate(context.Background())
	check("training", err)
	_, err = rl.Evaluate(context.Background(), s, tr.Backend(), rl.EvalOptions{Episodes: 8})
	check("evaluation", err)
	if err := tr.Restore(tr.Checkpoint()); err != nil {
		t.Error(err)
	}
}

// A problem that does not fit the policy is an error.
func TestOtherProblems(t *testing.T) {
	cfg := smallConfig()
	capped := func() *bandit {
		b := newBandit(t, 1, 2)
		var err error
		b.polytope, err = lp.New(lp.Description{Name: "bandit", Entities: []string{"E0", "E1"}, Total: 1, Upper: []float64{0.2, 1}})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, c := range []struct {
		p    *bandit
		b    policy.Backend
		want string
	}{
		{capped(), newFakeBackend(2, 2), `the polytope of problem "bandit" is not that of the policy: the upper bound of "E0" is 0.2, not +Inf`},
		{newBandit(t, 1, 2), newFakeBackend(3, 2), "is not that of the policy: the number of entities is 2, not 3"},
		{newBandit(t, 1, 2), newFakeBackend(2, 5), `observations of problem "bandit" have 2 components, those of the policy 5`},
	} {
		_, err := ppo.New(c.p, c.b, cfg, 1)
		_, eval := rl.Evaluate(context.Background(), c.p, c.b, rl.EvalOptions{Episodes: 1})
		for _, err := range []error{err, eval} {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		}
		if _, err := envs.Play(c.p, rl.NewActor(c.b).Allocator(policy.Mean, 1), 3, 100, 1); c.p.polytope.Dim() != c.b.Polytope().Dim() || c.b.ObsDim() != 2 {
			if err == nil {
				t.Errorf("played: %q", c.want)
			}
		}
	}
	if tr, err := ppo.New(newBandit(t, 1, 2), newFakeBackend(2, 2), cfg, 1); err != nil {
		t.Error(err)
	} else {
		tr.Close()
	}
}

// faulty moves every action out of the polytope by 0.1 and reports a residual of 0.
type faulty struct{ *fakeBackend }

func (f faulty) Sample(req *policy.Request, out *policy.Samples) error {
	err := f.fakeBackend.Sample(req, out)
	for r := range out.Residual {
		out.Actions[r*f.n] += 0.1
	}
	return err
}

// Violations are counted where actions are taken, whatever residuals the backend reports.
func TestViolationsAreCounted(t *testing.T) {
	p := newBandit(t, 1, 2, 3)
	cfg := smallConfig()
	tr, err := ppo.New(p, faulty{newFakeBackend(3, 2)}, cfg, 1)
	if err != nil {
		t.Fatal(err)
	}
	m, err := tr.Iterate(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	good := func(r float64) bool { return r > 0.02 && r < 0.2 }
	if m.Violations != cfg.BatchSize() || !good(m.MaxResidual) {
		t.Errorf("training: %d violations in %d actions, residual %g", m.Violations, cfg.BatchSize(), m.MaxResidual)
	}
	// Where constraints are many, the residuals of some actions alone are measured, those of each
	// environment in turn.
	many := newBandit(t, 1, 2, 3)
	d := lp.Description{Name: "bandit", Entities: many.polytope.Entities(), Total: 1}
	for k := range 700 {
		x := float64(k) / 1000
		d.Rows = append(d.Rows, lp.Row{Coef: []float64{x, 0.7 - x, x * x}, Min: math.Inf(-1), Max: 1 + x*x})
	}
	if many.polytope, err = lp.New(d); err != nil {
		t.Fatal(err)
	}
	b := newFakeBackend(3, 2)
	b.polytope = many.polytope
	tr, err = ppo.New(many, faulty{b}, cfg, 1)
	if err != nil {
		t.Fatal(err)
	}
	if m, err = tr.Iterate(context.Background()); err != nil || m.Violations != cfg.BatchSize()/16 || !good(m.MaxResidual) {
		t.Errorf("training with many constraints: %d violations in %d actions, residual %g, %v", m.Violations, cfg.BatchSize(), m.MaxResidual, err)
	}
	tr, err = ppo.New(p, faulty{newFakeBackend(3, 2)}, cfg, 1)
	if err != nil {
		t.Fatal(err)
	}
	ev, err := rl.Evaluate(context.Background(), p, tr.Backend(), rl.EvalOptions{Episodes: 9})
	if err != nil {
		t.Fatal(err)
	}
	if want := int(math.Round(9 * ev.MeanLength())); ev.Violations != want || !good(ev.MaxResidual) {
		t.Errorf("evaluation: %d violations in %d actions, residual %g", ev.Violations, want, ev.MaxResidual)
	}
	out, err := envs.Play(p, rl.NewActor(tr.Backend()).Allocator(policy.Sampled, 1), 9, 1000, 1)
	if err != nil {
		t.Fatal(err)
	}
	if out.Violations < 9 || !good(out.MaxResidual) {
		t.Errorf("played: %d violations, residual %g", out.Violations, out.MaxResidual)
	}
}

// Returns that float32 does not hold are named before any gradient step, as are sums of rewards that
// float64 does not. Rewards are the cause where nothing has been learned yet.
func TestRewardsTooLarge(t *testing.T) {
	for reward, quantity := range map[float64]string{1e40: "return that the critic learns", 1e308: "advantage"} {
		cfg := smallConfig()
		cfg.ScaleValues, cfg.ScaleRewards = false, false
		tr, _ := newFakeTrainer(t, newBandit(t, reward, reward), cfg)
		_, err := tr.Iterate(context.Background())
		var nf *rl.NonFiniteError
		if !errors.As(err, &nf) || !nf.Rewards || nf.Environment || !strings.Contains(err.Error(), quantity+" of environment 0 at step 0 of the rollout is ") {
			t.Errorf("rewards of %g: %v", reward, err)
		}
	}
}
