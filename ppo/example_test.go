package ppo_test

import (
	"context"
	"fmt"
	"log"
	"math/rand/v2"

	"paspo/envs"
	"paspo/lp"
	"paspo/lp/interval"
	"paspo/policy"
	"paspo/policy/cpu"
	"paspo/policy/debias"
	"paspo/ppo"
	"paspo/rl"
)

// advertising is a problem in which a budget is divided over three channels with diminishing
// returns; how well each works changes from day to day and is observed in advance.
type advertising struct{ polytope *lp.Polytope }

func (p advertising) Spec() envs.Spec {
	return envs.Spec{Name: "advertising", ObsDim: 3, Polytope: p.polytope}
}

func (p advertising) New() envs.Env { return &campaign{} }

type campaign struct {
	pull [3]float64
	day  int
}

func (c *campaign) Reset(rng *rand.Rand, obs []float64) { c.day = 0; c.look(rng, obs) }

func (c *campaign) look(rng *rand.Rand, obs []float64) {
	for i := range c.pull {
		c.pull[i] = rng.Float64()
	}
	copy(obs, c.pull[:])
}

func (c *campaign) Step(rng *rand.Rand, action, obs []float64) (reward float64, done bool) {
	for i, share := range action {
		reward += c.pull[i] * share * (2 - share)
	}
	c.look(rng, obs)
	c.day++
	return reward, c.day == 5
}

// Training on an environment of one's own: intervals, initial policy, backend,
// trainer.
func Example() {
	polytope, err := lp.New(lp.Description{
		Entities: []string{"search", "social", "print"}, Total: 1,
		Rows: []lp.Row{{Name: "screens", Coef: []float64{1, 1, 0}, Min: 0.2, Max: 0.8}},
	})
	if err != nil {
		log.Fatal(err)
	}
	problem := advertising{polytope}
	solver, err := interval.New(polytope, interval.DefaultConfig())
	if err != nil {
		log.Fatal(err)
	}
	defer solver.Close()
	start := debias.DefaultConfig()
	start.Points, start.CacheDir = 2000, ""
	fit, err := debias.Fit(polytope, solver, start, 1)
	if err != nil {
		log.Fatal(err)
	}
	cfg := ppo.DefaultConfig()
	cfg.Steps, cfg.EvalEvery, cfg.Gamma = 20_000, 0, 0 // a day does not change the next
	backend, err := cpu.New(solver, 3, cfg.Minibatch, policy.DefaultConfig(), fit, 1)
	if err != nil {
		log.Fatal(err)
	}
	defer backend.Close()
	trainer, err := ppo.New(problem, backend, cfg, 1)
	if err != nil {
		log.Fatal(err)
	}
	defer trainer.Close()

	ctx := context.Background()
	play := rl.EvalOptions{Episodes: 500, Seed: 2, Rule: policy.Mode}
	before, err := rl.Evaluate(ctx, problem, backend, play)
	if err != nil {
		log.Fatal(err)
	}
	if err := trainer.Run(ctx, rl.Hooks{}); err != nil {
		log.Fatal(err)
	}
	after, err := rl.Evaluate(ctx, problem, backend, play)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("earns more:", after.Mean() > 1.05*before.Mean())
	fmt.Println("violations:", before.Violations+after.Violations)
	// Output:
	// earns more: true
	// violations: 0
}
