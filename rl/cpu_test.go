package rl_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"paspo/envs"
	"paspo/envs/portfolio"
	"paspo/lp"
	"paspo/lp/interval"
	"paspo/policy"
	"paspo/policy/cpu"
	"paspo/ppo"
	"paspo/rl"
)

// curve is a problem whose episodes have one step and whose reward is a function of the allocation.
type curve struct {
	polytope *lp.Polytope
	reward   func(a []float64) float64
}

func newCurve(d lp.Description, reward func(a []float64) float64) (*curve, error) {
	for i := range d.Lower {
		d.Entities = append(d.Entities, fmt.Sprintf("E%d", i))
	}
	p, err := lp.New(d)
	return &curve{p, reward}, err
}

func (c *curve) Spec() envs.Spec { return envs.Spec{Name: "curve", ObsDim: 1, Polytope: c.polytope} }
func (c *curve) New() envs.Env   { return c }

func (c *curve) Reset(_ *rand.Rand, obs []float64) { obs[0] = 1 }

func (c *curve) Step(_ *rand.Rand, action, obs []float64) (float64, bool) {
	obs[0] = 1
	return c.reward(action), true
}

// newCPU returns a trainer on the CPU backend with small networks.
func newCPU(p envs.Problem, cfg ppo.Config) (*rl.Trainer, error) {
	s := p.Spec()
	solver, err := interval.New(s.Polytope, interval.DefaultConfig())
	if err != nil {
		return nil, err
	}
	pc := policy.DefaultConfig()
	// Without noise in the rewards a policy may become so narrow that one step moves it far away.
	pc.MaxShape = 100
	pc.Encoder, pc.Latent, pc.Heads, pc.Critic = []int{8}, 8, []int{8}, []int{8}
	b, err := cpu.New(solver, s.ObsDim, cfg.Minibatch, pc, nil, 7)
	if err != nil {
		return nil, err
	}
	return ppo.New(p, b, cfg, 7)
}

func init() {
	killBackends["cpu"] = newKillCPU
	killBackends["portfolio"] = newKillPortfolio
}

func newKillCPU() (*rl.Trainer, error) {
	cfg := smallConfig()
	cfg.CheckpointEvery, cfg.Steps, cfg.LR = 3, 10*int64(cfg.BatchSize()), 0.003
	p, err := makeBandit(1, 2, 3)
	if err != nil {
		return nil, err
	}
	return newCPU(p, cfg)
}

func newKillPortfolio() (*rl.Trainer, error) {
	cfg := smallConfig()
	cfg.CheckpointEvery, cfg.Steps, cfg.LR, cfg.EvalEpisodes = 3, 10*int64(cfg.BatchSize()), 0.003, 2
	p, err := portfolio.New(portfolio.DefaultConfig())
	if err != nil {
		return nil, err
	}
	return newCPU(p, cfg)
}

// On polytopes of one, two and three entities training ends near the best allocation, be it an
// inner point or a vertex.
func TestCPULearns(t *testing.T) {
	square := func(x float64) float64 { return x * x }
	for _, c := range []struct {
		name   string
		d      lp.Description
		reward func(a []float64) float64
		best   []float64
		within float64
	}{
		{
			"one entity, inside",
			lp.Description{Total: math.NaN(), Lower: []float64{-1}, Upper: []float64{3}},
			func(a []float64) float64 { return -square(a[0] - 2) },
			[]float64{2}, 0.1,
		}, {
			"two entities, inside",
			lp.Description{Total: 1, Lower: []float64{0, 0}},
			func(a []float64) float64 { return -10 * square(a[0]-0.7) },
			[]float64{0.7, 0.3}, 0.02,
		}, {
			"three entities, vertex",
			lp.Description{Total: 1, Lower: []float64{0, 0, 0}, Rows: []lp.Row{
				{Name: "cap", Coef: []float64{1, 0.5, 0}, Min: math.Inf(-1), Max: 0.4},
			}},
			func(a []float64) float64 { return 3*a[0] + a[1] },
			[]float64{0.4, 0, 0.6}, 0.05,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := newCurve(c.d, c.reward)
			if err != nil {
				t.Fatal(err)
			}
			cfg := ppo.DefaultConfig()
			cfg.StepsPerEnv, cfg.Epochs, cfg.LR, cfg.EvalEvery = 32, 4, 3e-3, 0
			cfg.LRSchedule = rl.ScheduleLinear
			cfg.Steps = 100 * int64(cfg.BatchSize())
			tr, err := newCPU(p, cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer tr.Close()
			worst := math.Inf(-1)
			var first, last rl.Metrics
			err = tr.Run(context.Background(), rl.Hooks{Iteration: func(m rl.Metrics) error {
				if m.Iteration == 1 {
					first = m
				}
				last = m
				worst = max(worst, m.MaxResidual)
				if m.MaxRatioDeviation != 0 {
					t.Errorf("iteration %d: the first ratio is off 1 by %g", m.Iteration, m.MaxRatioDeviation)
				}
				return nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			if !(worst <= 1e-9) {
				t.Errorf("residual %g", worst)
			}
			out, err := rl.NewActor(tr.Backend()).Act([]float64{1}, nil, policy.Mode, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i, a := range out.Actions {
				if math.Abs(a-c.best[i]) > c.within {
					t.Errorf("it chooses %v, the best is %v; mean return %v at first, %v at last", out.Actions, c.best, first.Return, last.Return)
					break
				}
			}
		})
	}
}
