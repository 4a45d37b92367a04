package main

import (
	"fmt"
	"math/rand/v2"

	"paspo/envs"
	"paspo/lp"
)

// Options are set by env.options of a configuration, or --set env.options.days=14.
type Options struct {
	Days   int     `yaml:"days" doc:"days of a campaign"`
	Screen float64 `yaml:"screen" doc:"share of the budget that search and social may take together"`
}

// Problem divides the budget of every day over search, social and print. What a channel
// returns of an amount diminishes, and what it returns of the first differs from day to day
// and is seen in advance. So is how much print can take.
type Problem struct {
	options  Options
	polytope *lp.Polytope
}

// Spec implements envs.Problem.
func (p Problem) Spec() envs.Spec {
	return envs.Spec{
		Name: "advertising", ObsDim: 4, Polytope: p.polytope,
		ObsNames: []string{"pull of search", "pull of social", "pull of print", "room in print"},
		Reward:   "what all channels return on the day",
		Episode:  fmt.Sprintf("%d days", p.options.Days),
	}
}

// New implements envs.Problem.
func (p Problem) New() envs.Env { return &campaign{days: p.options.Days} }

// Options implements envs.Configurable.
func (p Problem) Options() any { return &Options{Days: 5, Screen: 0.8} }

// Configure implements envs.Configurable.
func (p Problem) Configure(options any) (envs.Problem, error) {
	p.options = *options.(*Options)
	if p.options.Days < 1 {
		return nil, fmt.Errorf("days is %d: an integer of at least 1 is allowed", p.options.Days)
	}
	if s := p.options.Screen; !(s >= 0.5 && s <= 1) {
		return nil, fmt.Errorf("screen is %g: a number in [0.5, 1] is allowed", s)
	}
	var err error
	p.polytope, err = lp.New(lp.Description{
		Entities: []string{"search", "social", "print"}, Total: 1, Upper: []float64{1, 1, 1},
		Rows: []lp.Row{{Name: "screens", Coef: []float64{1, 1, 0}, Min: 0, Max: p.options.Screen}},
	})
	return p, err
}

// campaign is one copy of the environment.
type campaign struct {
	days, day int
	pull      [3]float64 // what the first of the budget returns
	room      float64    // what print can take
	upper     [3]float64
}

// Reset implements envs.Env.
func (c *campaign) Reset(rng *rand.Rand, obs []float64) {
	c.day = 0
	c.look(rng, obs)
}

// Step implements envs.Env.
func (c *campaign) Step(rng *rand.Rand, action, obs []float64) (reward float64, done bool) {
	for i, a := range action {
		reward += c.pull[i] * a * (2 - a)
	}
	c.look(rng, obs)
	c.day++
	return reward, c.day == c.days
}

func (c *campaign) look(rng *rand.Rand, obs []float64) {
	for i := range c.pull {
		c.pull[i] = rng.Float64()
	}
	c.room = 0.5 + 0.5*rng.Float64() // with half of it for screens something is always left
	copy(obs, c.pull[:])
	obs[3] = c.room
}

// Limits implements envs.Limiter: print takes no more than there is room for.
func (c *campaign) Limits(l *lp.Limits) {
	c.upper = [3]float64{1, 1, c.room}
	l.Upper = c.upper[:]
}
