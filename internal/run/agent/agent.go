package agent

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"paspo/baselines"
	"paspo/cuda"
	"paspo/envs"
	"paspo/envs/benchmarks"
	"paspo/envs/market"
	"paspo/envs/python"
	"paspo/internal/blas"
	"paspo/internal/finite"
	"paspo/internal/limits"
	"paspo/internal/run/config"
	"paspo/internal/run/runfolder"
	"paspo/lp"
	"paspo/lp/constraints"
	"paspo/lp/interval"
	"paspo/policy"
	"paspo/policy/debias"
	"paspo/rl"
)

// Agent is a policy with its problem.
type Agent struct {
	Config  *config.Config
	Problem envs.Problem
	Solver  lp.Solver
	Backend policy.Backend // nil until Load or the start of training
	Fit     *policy.Fit    // of the de-biased initialisation, nil where there is none

	facts  []rl.Fact // for checkpoints, in addition to those of the trainer
	center []float64 // the allocation to start around, nil for none
	noGPU  error     // why the policy does not run on a GPU, where the device is auto
}

// New returns an agent without a policy.
func New(c *config.Config) (*Agent, error) { return newAgent(c, "") }

// newAgent is New for a run in the folder dir, whose closed form of the intervals it reads. dir is
// empty for a new agent.
func newAgent(c *config.Config, dir string) (*Agent, error) {
	// A run that must have a GPU fails here where there is none, before anything is computed.
	if _, _, must := c.GPU(); must {
		_, _, err := onGPU(c, func(*cuda.Context) (bool, error) { return true, nil })
		if err != nil {
			return nil, err
		}
	}
	if err := blas.Use(c.Kernels); err != nil {
		return nil, fmt.Errorf("kernels is %q: %w", c.Kernels, err)
	}
	p, err := problem(c, dir)
	if err != nil {
		return nil, err
	}
	if err := c.Algo.Serves(p); err != nil {
		return nil, err
	}
	// The configuration of an existing run has its groups decided already, and its environment may
	// not be available where the policy is only asked for actions.
	if dir == "" {
		if c, err = ungrouped(c, p); err != nil {
			return nil, err
		}
	}
	f, err := facts(c)
	if err != nil {
		return nil, err
	}
	s, err := solver(p.Spec().Polytope, c.LP, dir)
	if err != nil {
		return nil, err
	}
	return &Agent{Config: c, Problem: p, Solver: s, facts: f}, nil
}

// CheckServes returns an error where the algorithm of one of the configurations, which differ in
// nothing else, cannot be trained on their problem.
func CheckServes(all []*config.Config) error {
	p, err := problem(all[0], "")
	if err != nil {
		return err
	}
	if c, ok := p.(io.Closer); ok {
		defer c.Close()
	}
	for _, c := range all {
		if err := c.Algo.Serves(p); err != nil {
			return err
		}
	}
	return nil
}

// ungrouped returns a configuration without groups of environments where a preset has set them
// and the draws of the problem's environment cannot be repeated. Where the user has set them, it
// is an error.
func ungrouped(c *config.Config, p envs.Problem) (*config.Config, error) {
	if c.PPO.Group <= 1 {
		return c, nil
	}
	why, err := envs.Unrepeated(p)
	if err != nil || why == "" {
		return c, err
	}
	alone := c.Ungrouped()
	if alone.PPO.Group > 1 {
		return nil, fmt.Errorf("ppo.group is %d: 1 is allowed, since the environment of %s cannot repeat its draws: %s", c.PPO.Group, p.Spec().Name, why)
	}
	return alone, nil
}

// solver returns a solver of p, with the closed form from the run folder dir where it has one. A
// file that cannot be used is a warning.
func solver(p *lp.Polytope, c interval.Config, dir string) (lp.Solver, error) {
	closed := c.Method == "auto" || c.Method == "explicit"
	if dir != "" && closed {
		path := filepath.Join(dir, runfolder.IntervalsFile)
		data, err := limits.ReadFile(path, limits.Intervals)
		if err == nil {
			var s lp.Solver
			if s, err = interval.NewCompiled(p, c, data); err == nil {
				return s, nil
			}
		}
		if !errors.Is(err, fs.ErrNotExist) {
			slog.Warn("intervals are compiled again", "file", path, "reason", err)
		}
	}
	return interval.New(p, c)
}

// saveIntervals writes the closed form, where there is one, to the run folder.
func (a *Agent) saveIntervals(f *runfolder.Folder) error {
	data, ok := interval.MarshalCompiled(a.Solver)
	if !ok {
		return nil
	}
	if old, err := limits.ReadFile(f.Path(runfolder.IntervalsFile), limits.Intervals); err == nil && bytes.Equal(old, data) {
		return nil
	}
	return f.WriteFile(runfolder.IntervalsFile, data)
}

func problem(c *config.Config, dir string) (envs.Problem, error) {
	if python.Is(c.Env.Name) {
		return inPython(c, dir)
	}
	if c.Constraints == "" {
		return benchmarks.New(c.Env, nil)
	}
	var polytope *lp.Polytope
	var err error
	if c.Preset() {
		// The preset is made for the environment's number of entities.
		own, e := benchmarks.New(c.Env, nil)
		if e != nil {
			return nil, e
		}
		polytope, err = constraints.Preset(c.Constraints, own.Spec().Polytope.Dim())
	} else {
		polytope, err = constraints.ReadFile(c.Constraints)
		if errors.Is(err, constraints.ErrNoEntities) && c.Env.Name == market.Name {
			// Cash and the assets of the model are meant.
			own, e := benchmarks.New(c.Env, nil)
			if e != nil {
				return nil, e
			}
			polytope, err = constraints.ReadFileHeld(c.Constraints, own.Spec().Polytope.Entities())
		}
		if err != nil && !strings.ContainsAny(c.Constraints, "./") {
			err = fmt.Errorf("%w; the presets are %s", err, strings.Join(constraints.PresetNames(), ", "))
		}
	}
	if err != nil {
		return nil, err
	}
	p, err := benchmarks.New(c.Env, polytope)
	if err != nil {
		return nil, fmt.Errorf("with the constraints %s: %w", c.Constraints, err)
	}
	warn(c, polytope)
	return p, nil
}

// warn logs warnings about valid constraints.
func warn(c *config.Config, p *lp.Polytope) {
	for _, w := range p.Warnings() {
		slog.Warn(w, "constraints", c.Constraints)
	}
}

// debias fits the initial policy where the configuration says so.
func (a *Agent) debias() (err error) {
	if !a.Config.Debias.Enabled || a.Config.Algo.Name != baselines.PASPO || a.Fit != nil || a.Config.From != "" {
		return nil
	}
	d, err := a.DebiasConfig()
	if err != nil {
		return err
	}
	if a.Fit, err = debias.Fit(a.Problem.Spec().Polytope, a.Solver, d, a.Config.Seed); err != nil {
		return fmt.Errorf("de-biased initialisation: %w", err)
	}
	a.center = d.Center
	return nil
}

// startAround fits the policy of a trainer to the allocation to start around, before training. It
// does nothing unless limits follow the state: without them debias has set the biases already.
func (a *Agent) startAround(t *rl.Trainer) error {
	if a.center == nil || !t.Limited() {
		return nil
	}
	if err := t.StartAround(a.center, a.Config.Debias.Spread, a.Config.PPO.Minibatch); err != nil {
		return fmt.Errorf("start around an allocation: %w", err)
	}
	return nil
}

// DebiasConfig returns the settings of the fit, with the fields that follow from the problem and
// from other settings.
func (a *Agent) DebiasConfig() (d debias.Config, err error) {
	d = a.Config.Debias
	d.FixedWidth = a.Config.Policy.FixedWidth
	spec := a.Problem.Spec()
	d.Center, err = d.Around.Allocation(spec.Polytope, func() ([]float64, error) {
		p, ok := a.Problem.(envs.Constantly)
		if !ok {
			return nil, fmt.Errorf("%s knows no constant allocation: uniform or amounts by entity are allowed", spec.Name)
		}
		var x []float64
		var err error
		if e := envs.Call(a.Problem, "Constantly", func() { x, err = p.Constantly() }); e != nil {
			return nil, e
		}
		return x, err
	})
	return d, err
}

// Fits returns an error that names the first difference between a checkpoint and the agent, and
// warns of differences that do not matter to the policy.
func (a *Agent) Fits(c *rl.Checkpoint) error {
	return c.Fits(slices.Concat(rl.Facts(a.Problem.Spec(), a.Config.Seed, slices.Concat(a.Config.PPO.Facts(), a.Config.Algo.Facts())), a.facts))
}

// Load makes the policy of a checkpoint.
func (a *Agent) Load(c *rl.Checkpoint) error {
	if err := a.Fits(c); err != nil {
		return err
	}
	if err := a.makeBackend(); err != nil {
		return err
	}
	if err := a.Backend.SetState(c.Policy); err != nil {
		return fmt.Errorf("checkpoint %s does not fit this run: %w", c.Path, err)
	}
	return nil
}

// Intervals describes how intervals are computed, also in states with limits of their own.
func (a *Agent) Intervals() string {
	var lim *lp.Limits
	if _, ok := a.Problem.(envs.Follower); ok {
		if names, err := envs.Following(a.Problem); err == nil && len(names) > 0 {
			lim = &lp.Limits{}
		}
	} else if c, err := envs.NewCopy(a.Problem, 0, envs.EpisodeStream(a.Config.Seed, 0)); err == nil {
		defer c.Close()
		lim = c.Limits()
	}
	return interval.Describe(a.Solver, lim)
}

// Close closes backend, solver and problem.
func (a *Agent) Close() error {
	var first error
	if a.Backend != nil {
		first = a.Backend.Close()
	}
	if err := a.Solver.Close(); first == nil {
		first = err
	}
	if c, ok := a.Problem.(io.Closer); ok {
		err := envs.Call(a.Problem, "Close", func() {
			if err := c.Close(); first == nil {
				first = err
			}
		})
		if first == nil {
			first = err
		}
	}
	return first
}

// Rule returns the rule of the actions of a checkpoint that are not sampled.
func (a *Agent) Rule(c *rl.Checkpoint) policy.Rule { return a.Config.PPO.Rule(c.Rule) }

// Allocator returns the policy of a checkpoint as an allocator, see
// rl.Actor.Allocator. It sets the backend's state whenever episodes start, so that
// several can be played in turn.
func (a *Agent) Allocator(c *rl.Checkpoint, rule policy.Rule, seed uint64) envs.Allocator {
	play := rl.NewActor(a.Backend).Allocator(rule, seed)
	return func(s *envs.States, dst []float64) error {
		if s.Step == 0 {
			if err := a.Backend.SetState(c.Policy); err != nil {
				return err
			}
		}
		return play(s, dst)
	}
}

// Projecting returns a function for rl.EvalOptions that replaces an action that breaks a constraint by
// the closest allocation that breaks none, and the number of the actions it has replaced.
func (a *Agent) Projecting() (adjust func(action []float64, l *lp.Limits) error, replaced *int) {
	p, n := a.Backend.Polytope(), 0
	projector := lp.NewProjector(p)
	return func(action []float64, l *lp.Limits) error {
		if !finite.All(action) || p.Residual(action, l) <= envs.Violation {
			return nil // an environment refuses what is not finite
		}
		n++
		return projector.Project(action, slices.Clone(action), l)
	}, &n
}

// Names of the checkpoints of a run.
const (
	Latest  = "latest"
	Best    = "best"
	Initial = "initial"
)

// OpenRun returns the agent of a run with the policy of one of its checkpoints, on
// a device that need not be the one it was trained on.
func OpenRun(dir, which, device string) (*Agent, *rl.Checkpoint, error) {
	c, err := ReadConfig(dir, nil, []config.Setting{{Flag: "--device", Key: "device", Value: device}})
	if err != nil {
		return nil, nil, err
	}
	cp, err := ReadCheckpoint(dir, which)
	if errors.Is(err, rl.ErrNoCheckpoint) {
		return nil, nil, fmt.Errorf("%w: the run has not begun to train, start it again with --resume %s", err, runfolder.Quote(dir))
	}
	if err != nil {
		return nil, nil, err
	}
	a, err := newAgent(c, dir)
	if err != nil {
		return nil, nil, err
	}
	if err := a.Load(cp); err != nil {
		a.Close()
		return nil, nil, err
	}
	return a, cp, nil
}

// Polytope returns the polytope of a run, with its own limits and not those of a state.
func Polytope(dir string) (*lp.Polytope, error) {
	c, err := ReadConfig(dir, nil, nil)
	if err != nil {
		return nil, err
	}
	p, err := problem(c, dir)
	if err != nil {
		return nil, err
	}
	return p.Spec().Polytope, nil
}

// ReadConfig reads the configuration of a run and applies assignments and settings to it.
func ReadConfig(dir string, assignments []string, settings []config.Setting) (*config.Config, error) {
	if err := runfolder.Check(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, runfolder.ConfigFile)
	c, err := config.Load(path, assignments, settings)
	if err != nil {
		return nil, err
	}
	// The configuration of a run holds every setting: defaults must not replace lost ones.
	for _, key := range []string{"seed", "steps", "env.name"} {
		if !c.IsSet(key) {
			return nil, fmt.Errorf("%s is damaged: it does not set %s", path, key)
		}
	}
	return c, nil
}

// ReadCheckpoint reads a checkpoint of a run.
func ReadCheckpoint(dir, which string) (*rl.Checkpoint, error) {
	folder := filepath.Join(dir, runfolder.CheckpointDir)
	switch which {
	case Best:
		return rl.ReadCheckpoint(filepath.Join(folder, rl.BestCheckpoint))
	case Initial:
		c, err := rl.ReadCheckpoint(filepath.Join(folder, rl.InitialCheckpoint))
		if err != nil {
			return nil, err
		}
		// When it was saved, no rule had been chosen and, without a warm start, the statistics of
		// observations were empty. Those of the latest checkpoint are used.
		if later, err := ReadCheckpoint(dir, Latest); err == nil {
			c.Rule = later.Rule
			if c.Policy.Normalizer.Seen.Count == 0 {
				c.Policy.Normalizer = later.Policy.Normalizer
			}
		}
		return c, nil
	case Latest:
		return rl.LatestCheckpoint(folder)
	}
	return nil, fmt.Errorf("checkpoint %q: one of latest, best, initial is allowed", which)
}
