package rl_test

import (
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
