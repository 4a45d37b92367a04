package rl

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"paspo/internal/rng"
	"paspo/internal/stats"
	"paspo/policy"
)

// Checkpoint is the state of training after a whole iteration.
type Checkpoint struct {
	Path      string // it was read from, empty where it was not
	Iteration int
	Step      int64 // environment steps
	Best      Best
	Rule      policy.Rule // that auto has chosen, policy.Sampled where it has not

	Policy *policy.State // with the normaliser, which evaluation and deployment apply

	facts      []Fact
	arithmetic string // what its bits depend on
	steps      int64  // Config.Steps

	streams                  [][]byte // of the learner; of the actions
	envs                     []byte   // an envs.Vector, its streams included
	discounted               []float64
	kept                     []float64 // of a learner that is a Keeper
	rewardStats, returnStats *stats.Moments
}

// capture copies the state of training.
func (t *Trainer) capture() (*Checkpoint, error) {
	state, err := t.backend.State()
	if err != nil {
		return nil, fmt.Errorf("reading the parameters: %w", err)
	}
	c := &Checkpoint{
		Iteration: t.iteration, Step: t.step, Best: t.best, Rule: t.rule,
		Policy: state, facts: t.facts, arithmetic: t.arithmetic(), steps: t.cfg.Steps,
		discounted:  slices.Clone(t.discounted),
		rewardStats: t.rewardStats.Clone(), returnStats: t.returnStats.Clone(),
	}
	if k, ok := t.learner.(Keeper); ok {
		c.kept = slices.Clone(k.Kept())
	}
	for _, s := range t.streams() {
		b, err := s.MarshalBinary()
		if err != nil {
			return nil, err
		}
		c.streams = append(c.streams, b)
	}
	if c.envs, err = t.vector.MarshalBinary(); err != nil {
		return nil, fmt.Errorf("saving the environments: %w", err)
	}
	return c, nil
}

// streams returns the streams of training but for those of the environments, in
// the order of a checkpoint.
func (t *Trainer) streams() []*rng.Stream {
	return slices.Concat(t.learner.Streams(), t.actions)
}

// Restore makes training go on from c, which must come from the same problem
// with the same settings and seed. The error names what differs.
func (t *Trainer) Restore(c *Checkpoint) error {
	if err := t.fits(c); err != nil {
		return c.unfit(err)
	}
	if have := t.arithmetic(); c.arithmetic != have {
		slog.Warn("training goes on with other arithmetic: numbers will differ in their last digits from those of a run that was not interrupted",
			"before", c.arithmetic, "now", have)
	}
	if err := t.backend.SetState(c.Policy); err != nil {
		return fmt.Errorf("setting the parameters: %w", err)
	}
	t.iteration, t.step, t.best, t.rule = c.Iteration, c.Step, c.Best, c.Rule
	*t.rewardStats, *t.returnStats = *c.rewardStats.Clone(), *c.returnStats.Clone()
	copy(t.discounted, c.discounted)
	if k, ok := t.learner.(Keeper); ok {
		k.Keep(c.kept)
	}
	for i, s := range t.streams() {
		if err := s.UnmarshalBinary(c.streams[i]); err != nil {
			return err
		}
	}
	if err := t.vector.UnmarshalBinary(c.envs); err != nil {
		return fmt.Errorf("restoring the environments: %w", err)
	}
	if !t.Resumable() {
		slog.Warn("the environment cannot be saved in the middle of an episode: training goes on with new ones", "env", t.spec.Name)
		clear(t.discounted)
	}
	var err error
	t.committed, err = t.capture()
	return err
}

// fits says where c belongs to another run.
func (t *Trainer) fits(c *Checkpoint) error {
	if err := c.compare(t.facts); err != nil {
		return err
	}
	if done, all := c.Iteration, t.cfg.Iterations(); done > all {
		return fmt.Errorf("steps is %d and %d are done: at least %d is allowed", t.cfg.Steps, c.Step,
			int64(done-1)*int64(t.cfg.BatchSize())+1)
	}
	if c.steps != t.cfg.Steps && t.learner.Scheduled() {
		slog.Warn("another length of training stretches the schedules", "before", c.steps, "now", t.cfg.Steps)
	}
	own, err := t.backend.State()
	if err != nil {
		return err
	}
	for _, g := range [][2][]policy.Tensor{{c.Policy.Params, own.Params}, {c.Policy.M, own.M}, {c.Policy.V, own.V}} {
		if err := sameShapes(g[0], g[1]); err != nil {
			return err
		}
	}
	var kept []float64
	if k, ok := t.learner.(Keeper); ok {
		kept = k.Kept()
	}
	if len(c.kept) != len(kept) {
		return fmt.Errorf("it keeps %d numbers of its algorithm, this run %d", len(c.kept), len(kept))
	}
	n := t.cfg.Envs
	if have, d := c.Policy.Normalizer.Dim(), t.spec.ObsDim; have != d {
		return fmt.Errorf("its observations have %d components, those of this run %d", have, d)
	}
	if len(c.rewardStats.Mean) != 1 || len(c.returnStats.Mean) != 1 {
		return errors.New("its statistics of rewards and returns are not those of one number")
	}
	if len(c.streams) != len(t.streams()) || len(c.discounted) != n {
		return fmt.Errorf("it holds %d environments, this run has %d", len(c.discounted), n)
	}
	return nil
}

// unfit says which checkpoint does not fit.
func (c *Checkpoint) unfit(err error) error {
	if c.Path == "" {
		return err
	}
	return fmt.Errorf("checkpoint %s does not fit this run: %w", c.Path, err)
}

func sameShapes(got, want []policy.Tensor) error {
	if len(got) != len(want) {
		return fmt.Errorf("it has %d parameters, the policy of this run %d", len(got), len(want))
	}
	for i, w := range want {
		if g := got[i]; g.Name != w.Name || !slices.Equal(g.Shape, w.Shape) {
			return fmt.Errorf("its parameter %s has shape %v, in this run it is %s with %v", g.Name, g.Shape, w.Name, w.Shape)
		}
	}
	return nil
}

// observesOnly names the settings that do not change what is learned.
var observesOnly = map[string]bool{
	"eval_every": true, "eval_episodes": true, "eval_max_steps": true, "eval_seed": true,
	"deterministic_action": true,
	"checkpoint_every":     true, "checkpoint_seconds": true, "checkpoint_keep": true,
}
