package rl

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"paspo/internal/rng"
	"paspo/policy"
	"paspo/rl/internal/checkpoint"
)

// Checkpoint is the state of training after a whole iteration. Path names the file that it was
// read from, Iteration and Step count iterations and environment steps done, Best is the best
// evaluation until then, Rule the rule that auto has chosen (policy.Sampled where it has not), and
// Policy holds the parameters and the normaliser, which evaluation and deployment apply. Fact
// returns the value of one of its facts, Fits returns an error where the facts of a run differ,
// and WriteFile writes it to a file.
type Checkpoint = checkpoint.Checkpoint

// Best is the best evaluation so far on the episodes that choose: its Return, and the Iteration
// that it followed, 0 where there was none.
type Best = checkpoint.Best

// Names of the files in a folder of checkpoints, beside the numbered ones.
const (
	InitialCheckpoint = checkpoint.InitialName // before the first iteration
	BestCheckpoint    = checkpoint.BestName    // of the best evaluation so far
)

// ErrNoCheckpoint says that a folder has no checkpoint of any kind.
var ErrNoCheckpoint = checkpoint.ErrNone

// ReadCheckpoint reads one file. A file that is cut, changed or of another format is an error.
func ReadCheckpoint(path string) (*Checkpoint, error) { return checkpoint.Read(path) }

// LatestCheckpoint reads the newest numbered checkpoint of a folder that is undamaged, and warns
// of damaged newer ones. Where none has a number yet it reads the initial one.
func LatestCheckpoint(dir string) (*Checkpoint, error) { return checkpoint.Latest(dir) }

// capture copies the state of training.
func (t *Trainer) capture() (*Checkpoint, error) {
	state, err := t.backend.State()
	if err != nil {
		return nil, fmt.Errorf("reading the parameters: %w", err)
	}
	c := &Checkpoint{
		Iteration: t.iteration, Step: t.step, Best: t.best, Rule: t.rule,
		Policy: state, Facts: t.facts,
		Loop: checkpoint.Loop{
			Arithmetic: t.arithmetic(), Steps: t.cfg.Steps, Discounted: slices.Clone(t.discounted),
			Rewards: t.rewardStats.Clone(), Returns: t.returnStats.Clone(),
		},
	}
	if k, ok := t.learner.(Stateful); ok {
		c.Loop.Kept = slices.Clone(k.LearnerState())
	}
	for _, s := range t.streams() {
		b, err := s.MarshalBinary()
		if err != nil {
			return nil, err
		}
		c.Loop.Streams = append(c.Loop.Streams, b)
	}
	if c.Loop.Envs, err = t.vector.MarshalBinary(); err != nil {
		return nil, fmt.Errorf("saving the environments: %w", err)
	}
	return c, nil
}

// streams returns the streams of the learner and of the actions, in the order of a checkpoint.
// Environments save their own.
func (t *Trainer) streams() []*rng.Stream {
	return slices.Concat(t.learner.Streams(), t.actions)
}

// Restore makes training go on from c, which must come from the same problem
// with the same settings and seed. The error names the first difference.
func (t *Trainer) Restore(c *Checkpoint) error {
	if err := t.fits(c); err != nil {
		return checkpoint.Unfit(c, err)
	}
	if have := t.arithmetic(); c.Loop.Arithmetic != have {
		slog.Warn("training goes on with other arithmetic: numbers will differ in their last digits from those of a run that was not interrupted",
			"before", c.Loop.Arithmetic, "now", have)
	}
	if err := t.backend.SetState(c.Policy); err != nil {
		return fmt.Errorf("setting the parameters: %w", err)
	}
	t.iteration, t.step, t.best, t.rule = c.Iteration, c.Step, c.Best, c.Rule
	*t.rewardStats, *t.returnStats = *c.Loop.Rewards.Clone(), *c.Loop.Returns.Clone()
	copy(t.discounted, c.Loop.Discounted)
	if k, ok := t.learner.(Stateful); ok {
		k.SetLearnerState(c.Loop.Kept)
	}
	for i, s := range t.streams() {
		if err := s.UnmarshalBinary(c.Loop.Streams[i]); err != nil {
			return err
		}
	}
	if err := t.vector.UnmarshalBinary(c.Loop.Envs); err != nil {
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

// fits returns an error where c belongs to another run.
func (t *Trainer) fits(c *Checkpoint) error {
	if err := checkpoint.Compare(c, t.facts); err != nil {
		return err
	}
	if done, all := c.Iteration, t.cfg.Iterations(); done > all {
		return fmt.Errorf("steps is %d and %d are done: at least %d is allowed", t.cfg.Steps, c.Step,
			int64(done-1)*int64(t.cfg.BatchSize())+1)
	}
	if c.Loop.Steps != t.cfg.Steps && t.learner.Scheduled() {
		slog.Warn("another length of training stretches the schedules", "before", c.Loop.Steps, "now", t.cfg.Steps)
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
	if k, ok := t.learner.(Stateful); ok {
		kept = k.LearnerState()
	}
	if len(c.Loop.Kept) != len(kept) {
		return fmt.Errorf("the state of its algorithm has %d numbers, that of this run %d", len(c.Loop.Kept), len(kept))
	}
	n := t.cfg.Envs
	if have, d := c.Policy.Normalizer.Dim(), t.spec.ObsDim; have != d {
		return fmt.Errorf("its observations have %d components, those of this run %d", have, d)
	}
	if len(c.Loop.Rewards.Mean) != 1 || len(c.Loop.Returns.Mean) != 1 {
		return errors.New("its statistics of rewards and returns are not those of one number")
	}
	if len(c.Loop.Streams) != len(t.streams()) || len(c.Loop.Discounted) != n {
		return fmt.Errorf("it holds %d environments, this run has %d", len(c.Loop.Discounted), n)
	}
	return nil
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
