package ppo

import (
	"fmt"
	"log/slog"
	"reflect"
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

	Policy *policy.State // with the normaliser, which evaluation and deployment apply

	problem  string
	entities []string
	seed     uint64
	settings map[string]string // Config by yaml name
	steps    int64             // Config.Steps

	streams                  [][]byte // of the minibatches; of the actions
	envs                     []byte   // an envs.Vector, its streams included
	discounted               []float64
	rewardStats, returnStats *stats.Moments
}

// capture copies the state of training.
func (t *Trainer) capture() (*Checkpoint, error) {
	state, err := t.backend.State()
	if err != nil {
		return nil, fmt.Errorf("reading the parameters: %w", err)
	}
	c := &Checkpoint{
		Iteration: t.iteration, Step: t.step, Best: t.best,
		Policy: state, problem: t.spec.Name, entities: t.spec.Polytope.Entities(), seed: t.seed,
		settings: t.cfg.strings(), steps: t.cfg.Steps,
		discounted:  slices.Clone(t.discounted),
		rewardStats: t.rewardStats.Clone(), returnStats: t.returnStats.Clone(),
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
	return append([]*rng.Stream{t.shuffle.stream}, t.actions...)
}

// Restore makes training go on from c, which must come from the same problem
// with the same settings and seed. The error names what differs.
func (t *Trainer) Restore(c *Checkpoint) error {
	if err := t.fits(c); err != nil {
		if c.Path != "" {
			return fmt.Errorf("checkpoint %s does not fit this run: %w", c.Path, err)
		}
		return err
	}
	if err := t.backend.SetState(c.Policy); err != nil {
		return fmt.Errorf("setting the parameters: %w", err)
	}
	t.iteration, t.step, t.best = c.Iteration, c.Step, c.Best
	*t.rewardStats, *t.returnStats = *c.rewardStats.Clone(), *c.returnStats.Clone()
	copy(t.discounted, c.discounted)
	for i, s := range t.streams() {
		if err := s.UnmarshalBinary(c.streams[i]); err != nil {
			return err
		}
	}
	if err := t.vector.UnmarshalBinary(c.envs); err != nil {
		return fmt.Errorf("restoring the environments: %w", err)
	}
	if !t.resumable() {
		clear(t.discounted) // new episodes
	}
	var err error
	t.committed, err = t.capture()
	return err
}

// fits says where c belongs to another run.
func (t *Trainer) fits(c *Checkpoint) error {
	if c.problem != t.spec.Name {
		return fmt.Errorf("it is of problem %q, this run trains %q", c.problem, t.spec.Name)
	}
	if have := t.spec.Polytope.Entities(); !slices.Equal(c.entities, have) {
		return fmt.Errorf("its entities are %q, those of this run %q", c.entities, have)
	}
	if c.seed != t.seed {
		return fmt.Errorf("its seed is %d, that of this run %d", c.seed, t.seed)
	}
	for name, want := range t.cfg.strings() {
		if got := c.settings[name]; got != want && !observesOnly[name] {
			return fmt.Errorf("its ppo.%s is %s, that of this run %s", name, got, want)
		}
	}
	if c.steps != t.cfg.Steps && (t.cfg.LRSchedule != ScheduleConstant || t.cfg.EntropySchedule != ScheduleConstant) {
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
	n := t.cfg.Envs
	if have, d := c.Policy.Normalizer.Dim(), t.spec.ObsDim; have != d {
		return fmt.Errorf("its observations have %d components, those of this run %d", have, d)
	}
	if len(c.streams) != 1+n || len(c.discounted) != n {
		return fmt.Errorf("it holds %d environments, this run has %d", len(c.discounted), n)
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

// observesOnly names the settings that do not change what is learned.
var observesOnly = map[string]bool{
	"eval_every": true, "eval_episodes": true, "eval_max_steps": true, "eval_seed": true,
	"checkpoint_every": true, "checkpoint_keep": true,
}

// strings returns the settings by their yaml names.
func (c Config) strings() map[string]string {
	m := map[string]string{}
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		if name := v.Type().Field(i).Tag.Get("yaml"); name != "-" {
			m[name] = fmt.Sprint(v.Field(i).Interface())
		}
	}
	return m
}
