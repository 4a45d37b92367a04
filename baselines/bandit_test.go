package baselines

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"paspo/envs"
	"paspo/internal/long"
	"paspo/lp"
	"paspo/policy"
	"paspo/ppo"
	"paspo/rl"
)

// bandit has one state and a reward that is linear in the action.
type bandit struct {
	polytope *lp.Polytope
	reward   []float64
}

func (b *bandit) Spec() envs.Spec { return envs.Spec{Name: "bandit", ObsDim: 1, Polytope: b.polytope} }
func (b *bandit) New() envs.Env   { return b }

func (b *bandit) Reset(_ *rand.Rand, obs []float64) { obs[0] = 1 }

func (b *bandit) Step(_ *rand.Rand, action, obs []float64) (float64, bool) {
	obs[0] = 1
	var sum float64
	for j, a := range action {
		sum += b.reward[j] * a
	}
	return sum, true
}

func (b *bandit) MarshalBinary() ([]byte, error) { return nil, nil }
func (b *bandit) UnmarshalBinary([]byte) error   { return nil }

// newBandit returns a bandit with the reward a_1 + a_2/2, where a_1 is at most 0.4 and a_2 at most
// 0.35. Residuals are relative to these limits, so that with costs of at most d the best action is
// (1+d) (0.4, 0.35), and the multipliers of the costs are 0.4 and 0.175, those of the linear
// program times the limits.
func newBandit(t testing.TB) *bandit {
	t.Helper()
	inf := math.Inf(-1)
	p, err := lp.New(lp.Description{Entities: []string{"a", "b", "c"}, Total: 1, Rows: []lp.Row{
		{Name: "a at most 0.4", Coef: []float64{1, 0, 0}, Min: inf, Max: 0.4},
		{Name: "b at most 0.35", Coef: []float64{0, 1, 0}, Min: inf, Max: 0.35},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return &bandit{p, []float64{1, 0.5, 0}}
}

// trained trains on a bandit. It returns the learner, the mean return and the mean costs of the
// last fifth of training, and the number of violations.
func trained(t testing.TB, b *bandit, name string, iterations int, change func(*Config, *ppo.Config), see ...func(int, rl.Learner)) (l rl.Learner, value float64, metrics []rl.Metrics) {
	t.Helper()
	c, p, net := DefaultConfig(), ppo.DefaultConfig(), policy.DefaultConfig()
	c.Name = name
	p.Envs, p.StepsPerEnv, p.Minibatch, p.Epochs = 32, 8, 128, 4
	p.AdamBeta1, p.AdamBeta2, p.WeightDecay, p.EntropyCoef, p.EvalEvery = 0.9, 0.999, 0, 0, 0
	p.LR, p.LRSchedule = 2e-3, rl.ScheduleLinear
	change(&c, &p)
	p.Steps = int64(iterations * p.BatchSize())
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	backend, err := NewBackend(b.polytope, 1, c, net, 3)
	if err != nil {
		t.Fatal(err)
	}
	if l, err = newLearner(b.polytope, backend, c, p, 3); err != nil {
		t.Fatal(err)
	}
	tr, err := rl.New(b, backend, l, p.Config, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	for i := range iterations {
		m, err := tr.Iterate(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		metrics = append(metrics, m)
		for _, f := range see {
			f(i, l)
		}
	}
	last := metrics[iterations*4/5:]
	for _, m := range last {
		value += m.Return / float64(len(last))
	}
	return l, value, metrics
}

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Errorf("%s is %g, want %g", what, got, want)
	}
}

const banditLimit = 0.1

// averaged returns the means of multipliers over the last half of training, in which they
// oscillate about their limits.
func averaged(t *testing.T, name string, iterations int, change func(*Config, *ppo.Config), of func(rl.Learner) []float64) (lambda []float64, value float64) {
	t.Helper()
	lambda = make([]float64, 2)
	_, value, _ = trained(t, newBandit(t), name, iterations, change, func(i int, l rl.Learner) {
		if i < iterations/2 {
			return
		}
		for k, x := range of(l) {
			lambda[k] += x / float64(iterations-iterations/2)
		}
	})
	t.Logf("multipliers %v, value %g", lambda, value)
	return lambda, value
}

// Multipliers of the Lagrangian converge to a little above those of the linear program: a cost
// counts only for draws above its bound, which are most but not all.
func TestLagrangianMultipliers(t *testing.T) {
	lambda, value := averaged(t, "lagrangian", 500, func(c *Config, p *ppo.Config) {
		c.CostLimit, c.MultiplierLR, c.MultiplierInit = banditLimit, 0.003, 0.6
		p.LRSchedule, p.LR, p.Epochs = rl.ScheduleConstant, 1e-3, 2
	}, func(l rl.Learner) []float64 { return l.(*lagrangian).lambda })
	near(t, "the value", value, (1+banditLimit)*0.575, 0.02)
	near(t, "the first multiplier", lambda[0], 0.4, 0.06)
	near(t, "the second multiplier", lambda[1], 0.175, 0.06)
}

// CUP comes near the optimal value with costs near their limit, and its multipliers settle, the
// larger one at the constraint that is worth more. They are not those of the linear program: they
// scale with the length of a PPO update, and the second one falls to 0 where its cost stays below
// the limit. With the published fault that averages costs over actions, costs have no effect.
func TestCUPKeepsItsLimit(t *testing.T) {
	long.Test(t)
	for faults, iterations := range map[Faults]int{"false": 700, "[outer-product]": 150} {
		var third, last [2]float64 // quarters of training
		_, value, metrics := trained(t, newBandit(t), "cup", iterations, func(c *Config, p *ppo.Config) {
			c.AsPublished = faults
			c.CostLimit, c.MultiplierLR, c.MultiplierInit = banditLimit, 0.003, 0.3
			p.LRSchedule, p.LR = rl.ScheduleConstant, 3e-4
		}, func(i int, l rl.Learner) {
			for k, x := range l.(*cup).lambda {
				switch i * 4 / iterations {
				case 2:
					third[k] += x / float64(iterations/4)
				case 3:
					last[k] += x / float64(iterations/4)
				}
			}
		})
		var cost float64 // the larger one
		half := metrics[iterations/2:]
		for _, m := range half {
			cost += m.Algo[0].Value / float64(len(half))
		}
		t.Logf("as published %s: value %g, cost %g, multipliers %v, then %v", faults, value, cost, third, last)
		if faults != "false" {
			if !(value > 0.9 && cost > 1) {
				t.Errorf("as published %s the value is %g and the cost %g: the fault has no effect", faults, value, cost)
			}
			continue
		}
		near(t, "the value", value, (1+banditLimit)*0.575, 0.04)
		near(t, "the larger cost", cost, banditLimit, 0.07)
		for k := range last {
			near(t, "a multiplier in the last quarter", last[k], third[k], 0.08)
		}
		if !(last[0] > last[1]) {
			t.Errorf("multipliers %v: the first constraint is worth more", last)
		}
	}
}

// The value is that of the linear program. CPO limits the sum of the costs, and its value is the
// one with all of the limit on the cost with the larger multiplier.
func TestBanditValues(t *testing.T) {
	long.Test(t)
	const barrierT = 200. // a barrier over two rows ends 2/t below the optimum
	want := map[string]float64{"cpo": 0.575 + banditLimit*0.4, "ipo": (1+banditLimit)*0.575 - 2/barrierT, "p3o": (1 + banditLimit) * 0.575}
	for name, change := range map[string]func(*Config, *ppo.Config){
		"cpo": func(c *Config, p *ppo.Config) { p.LR = 1e-2 },
		"ipo": func(c *Config, p *ppo.Config) { c.BarrierT = barrierT },
		"p3o": func(c *Config, p *ppo.Config) {},
	} {
		t.Run(name, func(t *testing.T) {
			iterations := 400
			if name == "cpo" {
				iterations = 150 // each takes some thirty Fisher products
			}
			_, value, metrics := trained(t, newBandit(t), name, iterations, func(c *Config, p *ppo.Config) {
				c.CostLimit = banditLimit
				change(c, p)
			})
			t.Log(value, metrics[len(metrics)-1].Algo)
			near(t, "the value", value, want[name], 0.01)
		})
	}
}

// OptLayer's actions are always feasible, and its value is that of the linear program. Only where
// the cost of predictions is subtracted from their reward do they become feasible themselves.
// Training ends while the policy is still broad: once it is narrow, learning from both u and s
// drifts away, as s is not drawn from the density that it is given.
func TestOptLayerValue(t *testing.T) {
	for _, mode := range []string{learnPredicted, learnCorrected, learnBoth} {
		_, value, metrics := trained(t, newBandit(t), "optlayer", 100, func(c *Config, p *ppo.Config) { c.Correction = mode })
		cost := metrics[len(metrics)-1].Algo[0].Value
		t.Logf("%s: value %g, cost of predictions %g", mode, value, cost)
		if !(value >= 0.572 && value <= 0.575+1e-9) {
			t.Errorf("the value of %s is %g, want that of the linear program, 0.575", mode, value)
		}
		if paid := mode == learnBoth; paid != (cost < 0.03) {
			t.Errorf("predictions of %s cost %g at the end", mode, cost)
		}
		for _, m := range metrics {
			if m.Violations > 0 || m.MaxResidual > 1e-9 {
				t.Fatalf("%s: %d violations, residual %g", mode, m.Violations, m.MaxResidual)
			}
		}
	}
}
