package baselines

import (
	"context"
	"math"
	"testing"

	"paspo/internal/long"
	"paspo/lp"
	"paspo/policy"
	"paspo/ppo"
	"paspo/rl"
)

// Algorithms whose actions satisfy every constraint come near the value of the linear program,
// without a violation in training.
func TestConfinedReachTheOptimum(t *testing.T) {
	long.Test(t)
	b := &bandit{reward: []float64{1, 0.8, 0.1, -0.5}}
	var err error
	b.polytope, err = lp.New(lp.Description{
		Entities: []string{"a", "b", "c", "d"}, Total: 1, Upper: []float64{0.5, 1, 1, 1},
		Rows: []lp.Row{{Name: "r", Coef: []float64{1, 2, 0, 1}, Min: math.Inf(-1), Max: 1.1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	minus := make([]float64, 4)
	for j, v := range b.reward {
		minus[j] = -v
	}
	_, v, err := b.polytope.Minimize(minus, nil)
	if err != nil {
		t.Fatal(err)
	}
	best := -v
	for _, name := range []string{"dirichlet-projected", "projection", "aram", "ray-mask", "truncated-normal"} {
		t.Run(name, func(t *testing.T) {
			c := DefaultConfig()
			c.Name = name
			p := ppo.DefaultConfig()
			p.Envs, p.StepsPerEnv, p.Steps, p.Minibatch, p.Epochs = 16, 32, 512*60, 64, 5
			p.LR, p.EntropyCoef, p.EvalEvery = 2e-3, 0, 0
			backend, err := NewBackend(b.polytope, 1, c, policy.DefaultConfig(), 3)
			if err != nil {
				t.Fatal(err)
			}
			tr, err := New(b, backend, c, p, 3)
			if err != nil {
				t.Fatal(err)
			}
			defer tr.Close()
			first, last := math.NaN(), 0.
			err = tr.Run(context.Background(), rl.Hooks{Iteration: func(m rl.Metrics) error {
				if m.Violations > 0 || !(m.MaxResidual <= 1e-9) {
					t.Errorf("iteration %d: %d violations, residual %g", m.Iteration, m.Violations, m.MaxResidual)
				}
				if math.IsNaN(first) {
					first = m.Return
				}
				last = m.Return
				return nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("return %.4f at first, %.4f at last, %.4f at best", first, last, best)
			if last > best+1e-9 || last < first+0.8*(best-first) {
				t.Errorf("return %.4f at first, %.4f at last: the best is %.4f", first, last, best)
			}
		})
	}
}
