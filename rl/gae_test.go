package rl_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"paspo/internal/rng"
	"paspo/rl"
)

// naiveGAE sums (gamma lambda)^k delta_{t+k} up to the end of the episode or of
// the rollout.
func naiveGAE(rewards, values []float64, done []bool, last float64, gamma, lambda float64) []float64 {
	n := len(rewards)
	adv := make([]float64, n)
	for t := range n {
		for k := t; k < n; k++ {
			next := last
			if k+1 < n {
				next = values[k+1]
			}
			if done[k] {
				next = 0
			}
			adv[t] += math.Pow(gamma*lambda, float64(k-t)) * (rewards[k] + gamma*next - values[k])
			if done[k] {
				break
			}
		}
	}
	return adv
}

func TestGAE(t *testing.T) {
	r := rand.New(rng.New(1, "gae"))
	for _, c := range []struct{ gamma, lambda float64 }{{1, 0.95}, {0.9, 0.8}, {1, 1}, {0.99, 0}, {0, 0.5}} {
		for _, shape := range [][2]int{{1, 1}, {1, 20}, {3, 17}, {8, 64}} {
			envs, steps := shape[0], shape[1]
			n := envs * steps
			adv, rewards, values, done := make([]float64, n), make([]float64, n), make([]float64, n), make([]bool, n)
			last := make([]float64, envs)
			for i := range n {
				rewards[i], values[i], done[i] = r.NormFloat64(), r.NormFloat64(), r.IntN(5) == 0
			}
			for e := range last {
				last[e] = r.NormFloat64()
			}
			rl.GAE(adv, rewards, values, done, last, c.gamma, c.lambda)
			for e := range envs {
				var er, ev []float64
				var ed []bool
				for s := range steps {
					er, ev, ed = append(er, rewards[s*envs+e]), append(ev, values[s*envs+e]), append(ed, done[s*envs+e])
				}
				for s, want := range naiveGAE(er, ev, ed, last[e], c.gamma, c.lambda) {
					if got := adv[s*envs+e]; math.Abs(got-want) > 1e-12*(1+math.Abs(want)) {
						t.Fatalf("gamma %g lambda %g, %d envs, step %d of %d: got %v, want %v", c.gamma, c.lambda, envs, s, e, got, want)
					}
				}
			}
		}
	}
}

// Advantages of a trainer with groups are those of the definition, less the mean over
// the environments of a group at the same step; returns are left alone.
func TestGroupAdvantages(t *testing.T) {
	for _, group := range []int{1, 2, 3, 6} {
		cfg := smallConfig()
		cfg.Envs, cfg.StepsPerEnv, cfg.Group, cfg.StandardiseAdvantages = 6, 16, group, false
		cfg.ScaleValues, cfg.ScaleRewards, cfg.Gamma, cfg.GAELambda, cfg.LR = false, false, 0.9, 0.8, 0.01
		tr, b := newFakeTrainer(t, newBandit(t, 1, 2, 3), cfg)
		for range 3 { // so that the critic says something
			if _, err := tr.Iterate(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		rewards, values, done, last := tr.Rollout().Seen()
		adv := make([][]float64, cfg.Envs)
		for e := range adv {
			var er, ev []float64
			var ed []bool
			for i := e; i < len(rewards); i += cfg.Envs {
				er, ev, ed = append(er, rewards[i]), append(ev, values[i]), append(ed, done[i])
			}
			adv[e] = naiveGAE(er, ev, ed, last[e], 0.9, 0.8)
		}
		distinct := false
		for i := range rewards {
			s, e := i/cfg.Envs, i%cfg.Envs
			mean := 0.0
			for k := range group {
				mean += adv[e/group*group+k][s] / float64(group)
			}
			if group == 1 {
				mean = 0
			}
			distinct = distinct || values[i] != 0
			if got, want := float64(b.batch.Advantage[i]), adv[e][s]-mean; math.Abs(got-want) > 1e-6*(1+math.Abs(adv[e][s])) {
				t.Fatalf("group %d, step %d of %d: advantage %v, want %v", group, s, e, got, want)
			}
			if got, want := float64(b.batch.Return[i]), adv[e][s]+values[i]; math.Abs(got-want) > 1e-6*(1+math.Abs(want)) {
				t.Fatalf("group %d, step %d of %d: return %v, want %v", group, s, e, got, want)
			}
		}
		if !distinct {
			t.Fatal("the critic says nothing")
		}
	}
}

// With gamma = lambda = 1 advantage plus value is the sum of rewards to come,
// plus the value at the cut.
func TestGAEMonteCarlo(t *testing.T) {
	rewards := []float64{1, 2, 3, 4}
	values := []float64{10, 20, 30, 40}
	adv := make([]float64, 4)
	rl.GAE(adv, rewards, values, []bool{false, true, false, false}, []float64{100}, 1, 1)
	for i, want := range []float64{3, 2, 107, 104} {
		if got := adv[i] + values[i]; got != want {
			t.Errorf("return %d = %v, want %v", i, got, want)
		}
	}
}
