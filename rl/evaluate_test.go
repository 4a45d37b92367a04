package rl_test

import (
	"context"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"paspo/envs"
	"paspo/policy"
	"paspo/rl"
)

func TestEvaluate(t *testing.T) {
	p := newBandit(t, 1, 2, 3)
	b := newFakeBackend(3, 2)
	b.norm.On = true
	run := func(o rl.EvalOptions) *rl.Evaluation {
		t.Helper()
		e, err := rl.Evaluate(context.Background(), p, b, o)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	want := run(rl.EvalOptions{Episodes: 30, Seed: 5})
	if got := run(rl.EvalOptions{Episodes: 30, Seed: 5}); !reflect.DeepEqual(got, want) {
		t.Error("the same evaluation differs")
	}
	if got := run(rl.EvalOptions{Episodes: 30, Seed: 5, Batch: 7}); !reflect.DeepEqual(got, want) {
		t.Error("the size of a batch changes the outcome")
	}
	if got := run(rl.EvalOptions{Episodes: 30, Seed: 6}); reflect.DeepEqual(got.Returns, want.Returns) {
		t.Error("the seed changes nothing")
	}
	// The lengths of episodes depend on the draws of the environment alone.
	det := run(rl.EvalOptions{Episodes: 30, Seed: 5, Rule: policy.Mode})
	if !reflect.DeepEqual(det.Lengths, want.Lengths) || reflect.DeepEqual(det.Returns, want.Returns) {
		t.Error("another policy meets another environment, or plays the same")
	}
	if b.norm.Seen.Count != 0 {
		t.Error("evaluation moved the normaliser")
	}

	var steps int
	sums := make([]float64, 30)
	run(rl.EvalOptions{Episodes: 30, Seed: 5, Observe: func(s rl.EvalStep) {
		sums[s.Episode] += s.Reward
		if len(s.Action) != 3 || len(s.Obs) != 2 || s.Obs[1] != 3 {
			t.Fatalf("%+v", s)
		}
		steps++
	}})
	total := 0
	for i, l := range want.Lengths {
		total += l
		if sums[i] != want.Returns[i] {
			t.Errorf("episode %d: observed %v, returned %v", i, sums[i], want.Returns[i])
		}
	}
	if steps != total {
		t.Errorf("%d steps observed of %d", steps, total)
	}
	p.length = math.MaxInt
	if cut := run(rl.EvalOptions{Episodes: 3, MaxSteps: 4}); cut.Truncated != 3 || cut.MeanLength() != 4 {
		t.Errorf("%+v", cut)
	}
}

func TestEvaluateRefuses(t *testing.T) {
	p := newBandit(t, 1, 2)
	b := newFakeBackend(2, 2)
	if _, err := rl.Evaluate(context.Background(), p, b, rl.EvalOptions{}); err == nil {
		t.Error("no episodes")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := rl.Evaluate(ctx, p, b, rl.EvalOptions{Episodes: 1}); err == nil {
		t.Error("a cancelled context")
	}
	p.poison = "reward"
	if _, err := rl.Evaluate(context.Background(), p, b, rl.EvalOptions{Episodes: 1}); err == nil {
		t.Error("a reward of NaN")
	}
	if _, err := rl.NewActor(b).Act([]float64{1, 2, 3}, nil, policy.Mode, nil); err == nil {
		t.Error("an observation of a wrong length")
	}
	if _, err := rl.NewActor(b).Act([]float64{1, math.NaN()}, nil, policy.Mode, nil); err == nil {
		t.Error("an observation of NaN")
	}
}

// A source of one seed gives the same actions again, row by row.
func TestActSamples(t *testing.T) {
	b := newFakeBackend(3, 2)
	obs := []float64{1, 2, 1, 2, 3, 4}
	act := func(seed uint64, obs []float64) []float64 {
		t.Helper()
		out, err := rl.NewActor(b).Act(obs, nil, policy.Sampled, rand.NewPCG(seed, 1))
		if err != nil {
			t.Fatal(err)
		}
		return slices.Clone(out.Actions)
	}
	all := act(1, obs)
	if !slices.Equal(all, act(1, obs)) || slices.Equal(all, act(2, obs)) || slices.Equal(all[:3], all[3:6]) {
		t.Errorf("actions %v", all)
	}
	if first := act(1, obs[:2]); !slices.Equal(first, all[:3]) {
		t.Errorf("alone the first row gets %v, among others %v", first, all[:3])
	}
	if _, err := rl.NewActor(b).Act(obs, nil, policy.Sampled, nil); err == nil || !strings.Contains(err.Error(), "no source") {
		t.Errorf("error %v without a source", err)
	}
}

// The same policy as an Allocator plays the same episodes.
func TestAllocator(t *testing.T) {
	p := newBandit(t, 1, 2, 3)
	b := newFakeBackend(3, 2)
	for _, rule := range []policy.Rule{policy.Sampled, policy.Mode, policy.Mean} {
		want, err := rl.Evaluate(context.Background(), p, b, rl.EvalOptions{Episodes: 20, Seed: 5, Rule: rule})
		if err != nil {
			t.Fatal(err)
		}
		got, err := envs.Play(p, rl.NewActor(b).Allocator(rule, 5), 20, 1000, 5)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.Returns, want.Returns) || !reflect.DeepEqual(got.Lengths, want.Lengths) {
			t.Errorf("%v: other returns", rule)
		}
	}
}

// expecting is a bandit that states the expected reward 7 for every action.
type expecting struct{ *bandit }

func (expecting) Expectation() func(obs, action []float64) float64 {
	return func(obs, action []float64) float64 { return 7 }
}

// Mean uses expected rewards where the environment knows them, Returns are sums of rewards.
func TestEvaluateExpected(t *testing.T) {
	p, b := newBandit(t, 1, 2, 3), newFakeBackend(3, 2)
	o := rl.EvalOptions{Episodes: 30, Seed: 5, Batch: 7}
	plain, err := rl.Evaluate(context.Background(), p, b, o)
	if err != nil {
		t.Fatal(err)
	}
	e, err := rl.Evaluate(context.Background(), expecting{p}, b, o)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(e.Returns, plain.Returns) || plain.Expected != nil {
		t.Error("expectations change returns, or come from nowhere")
	}
	if m, want := e.Mean(), 7*e.MeanLength(); math.Abs(m-want) > 1e-9 || !(e.StdErr() >= 0) {
		t.Errorf("the mean is %v, not %v", m, want)
	}
}
