package rl

import (
	"context"

	"paspo/envs"
	"paspo/policy"
)

// Tests of the loop with an algorithm are in package rl_test and use these.
var (
	GAE               = gae
	ExplainedVariance = explainedVariance
	Quantiles         = quantiles
	Rank              = rankAdvantages
)

// Seen returns what advantages are computed from.
func (r *Rollout) Seen() (rewards, values []float64, done []bool, after, last []float64) {
	return r.Rewards, r.values, r.done, r.after, r.last
}

// Resume restores the newest whole checkpoint of a folder and returns it.
func (t *Trainer) Resume(dir string) (*Checkpoint, error) {
	c, err := LatestCheckpoint(dir)
	if err != nil {
		return nil, err
	}
	return c, t.Restore(c)
}

func (t *Trainer) Capture() (*Checkpoint, error) { return t.capture() }
func (t *Trainer) IterateAndEvaluate(ctx context.Context) (Metrics, error) {
	return t.iterateAndEvaluate(ctx)
}
func (t *Trainer) CriticValues(dst []float64, v []float32)  { t.criticValues(dst, v) }
func (t *Trainer) Targets(dst []float32, returns []float64) { t.targets(dst, returns) }
func (t *Trainer) ScaleRewards(dst, rewards []float64, done []bool) {
	t.scaleRewards(dst, rewards, done)
}
func (t *Trainer) Discounted() []float64       { return t.discounted }
func (t *Trainer) Rewards() []float64          { return t.rollout.Rewards }
func (t *Trainer) Rollout() *Rollout           { return t.rollout }
func (t *Trainer) Config() *Config             { return &t.cfg }
func (t *Trainer) Problem() envs.Problem       { return t.problem }
func (t *Trainer) Backend() policy.Backend     { return t.backend }
func (t *Trainer) SetBackend(b policy.Backend) { t.backend, t.actor.backend = b, b }

// StartAroundIn is StartAround with so many rounds of few states.
func (t *Trainer) StartAroundIn(rounds int, center []float64, spread float64, minibatch int) error {
	f := defaultFitting
	f.rounds, f.states, f.minibatch = rounds, 512, minibatch
	return t.startAround(center, spread, f)
}
