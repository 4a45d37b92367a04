package baselines

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"paspo/envs"
	"paspo/lp"
	"paspo/policy"
	"paspo/ppo"
	"paspo/rl"
)

// linearBandit has episodes of one action, which earns cost . action: the best mean return is
// the value of a linear program.
type linearBandit struct {
	p     *lp.Polytope
	earns []float64
}

func (b *linearBandit) Spec() envs.Spec {
	return envs.Spec{Name: "bandit", ObsDim: 1, Polytope: b.p}
}
func (b *linearBandit) New() envs.Env { return b }

func (b *linearBandit) Reset(_ *rand.Rand, obs []float64) { obs[0] = 1 }

func (b *linearBandit) Step(_ *rand.Rand, action, obs []float64) (reward float64, done bool) {
	obs[0] = 1
	for j, x := range action {
		reward += b.earns[j] * x
	}
	return reward, true
}

// Algorithms that keep every action inside come near the value of the linear program, and
// break nothing on the way.
func TestInsidersReachTheOptimum(t *testing.T) {
	b := &linearBandit{earns: []float64{1, 0.8, 0.1, -0.5}}
	var err error
	b.p, err = lp.New(lp.Description{
		Entities: []string{"a", "b", "c", "d"}, Total: 1, Upper: []float64{0.5, 1, 1, 1},
		Rows: []lp.Row{{Name: "r", Coef: []float64{1, 2, 0, 1}, Min: math.Inf(-1), Max: 1.1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	minus := make([]float64, 4)
	for j, v := range b.earns {
		minus[j] = -v
	}
	_, v, err := b.p.Minimize(minus, nil)
	if err != nil {
		t.Fatal(err)
	}
	best := -v
	for _, a := range algorithms {
		if !a.keeps {
			continue
		}
		t.Run(a.name, func(t *testing.T) {
			c := DefaultConfig()
			c.Name = a.name
			p := ppo.DefaultConfig()
			p.Envs, p.StepsPerEnv, p.Steps, p.Minibatch, p.Epochs = 16, 32, 512*60, 64, 5
			p.LR, p.EntropyCoef, p.EvalEvery = 2e-3, 0, 0
			backend, err := NewBackend(b.p, 1, c, policy.DefaultConfig(), 3)
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
