package rl

import (
	"fmt"
	"math"

	"paspo/internal/setting"
	"paspo/policy"
)

// Config holds the settings of the loop that all algorithms train in. Defaults are
// the paper's.
type Config struct {
	Envs        int `yaml:"envs" doc:"environments stepped side by side"`
	StepsPerEnv int `yaml:"steps_per_env" doc:"steps of every environment in one iteration; the batch is envs * steps_per_env"`

	Gamma     float64 `yaml:"gamma" doc:"discount factor"`
	GAELambda float64 `yaml:"gae_lambda" doc:"lambda of generalised advantage estimation"`

	Group int  `yaml:"group" doc:"environments in a row that are given the same random numbers; the mean of their advantages at a step is taken off each. 1 for none"`
	Ranks bool `yaml:"ranks" doc:"an advantage becomes its rank among those of its group at the step, or of the whole batch without groups: from -1/2 for the least to 1/2"`

	NormalizeObs string  `yaml:"normalize_obs" doc:"auto, on or off: standardise observations by their running mean and deviation; auto asks the environment"`
	ObsClip      float64 `yaml:"obs_clip" doc:"standardised observations are clipped to -+ obs_clip; 0 for no clipping"`
	ScaleValues  bool    `yaml:"scale_values" doc:"the critic learns returns standardised by their running mean and deviation"`
	ScaleRewards bool    `yaml:"scale_rewards" doc:"divide rewards by the running root mean square of the discounted return"`

	EvalEvery    int    `yaml:"eval_every" doc:"iterations between evaluations; 0 for none"`
	EvalEpisodes int    `yaml:"eval_episodes" doc:"episodes of each of the two sets of an evaluation, the one that chooses and that of the curve"`
	EvalMaxSteps int    `yaml:"eval_max_steps" doc:"an evaluated episode is cut off here"`
	EvalSeed     uint64 `yaml:"eval_seed" doc:"seed of the episodes of evaluations, the same in every evaluation"`

	DeterministicAction string `yaml:"deterministic_action" doc:"auto, mean or mode: an action that is not sampled takes the mean of every Beta, or its mode where alpha, beta > 1 and else its mean; auto plays both in every evaluation, on episodes for that alone, and keeps the better one in the checkpoint"`

	CheckpointEvery   int     `yaml:"checkpoint_every" doc:"iterations between checkpoints; 0 for one at the end only"`
	CheckpointSeconds float64 `yaml:"checkpoint_seconds" doc:"seconds between writing checkpoints at least, the best with them, but for the last"`
	CheckpointKeep    int     `yaml:"checkpoint_keep" doc:"checkpoints that are kept, beside the best"`

	// Steps is the length of training in environment steps. It is rounded up to
	// whole iterations.
	Steps int64 `yaml:"-" json:"-"`
}

// maxEvalEpisodes bounds the memory of an evaluation, which keeps 16 bytes an episode.
const maxEvalEpisodes = 1_000_000

// DefaultConfig returns the settings of the paper's published configuration.
func DefaultConfig() Config {
	return Config{
		Envs: 8, StepsPerEnv: 64, Gamma: 1, GAELambda: 0.95, Group: 1, NormalizeObs: NormalizeAuto,
		EvalEvery: 20, EvalEpisodes: 100, EvalMaxSteps: 10_000, DeterministicAction: ActionAuto,
		CheckpointEvery: 10, CheckpointSeconds: 1, CheckpointKeep: 3,
		Steps: 150_000,
	}
}

// Values of Config.NormalizeObs.
const (
	NormalizeAuto = "auto"
	NormalizeOn   = "on"
	NormalizeOff  = "off"
)

// Values of Config.DeterministicAction.
const (
	ActionAuto = "auto"
	ActionMean = "mean"
	ActionMode = "mode"
)

// Rule returns the rule of actions that are not sampled. chosen is the rule that auto has chosen,
// policy.Sampled where it has chosen none yet: then it is the mean.
func (c Config) Rule(chosen policy.Rule) policy.Rule {
	switch {
	case c.DeterministicAction == ActionMode:
		return policy.Mode
	case c.DeterministicAction == ActionMean || chosen == policy.Sampled:
		return policy.Mean
	}
	return chosen
}

// BatchSize returns the number of transitions of one iteration.
func (c Config) BatchSize() int { return c.Envs * c.StepsPerEnv }

// MaxSteps is the largest number of environment steps of a training.
const MaxSteps = 1 << 52

// Iterations returns the number of iterations that Steps takes, rounded up.
func (c Config) Iterations() int {
	b := int64(c.BatchSize())
	return int((c.Steps + b - 1) / b)
}

// Validate returns an error that names the first setting that is out of range, its value
// and the values that are allowed. Names of settings begin with prefix.
func (c Config) Validate(prefix string) error {
	if err := setting.First(
		setting.Int(prefix+"envs", c.Envs, 1), setting.Int(prefix+"steps_per_env", c.StepsPerEnv, 1),
		setting.Int(prefix+"group", c.Group, 1), setting.Int(prefix+"eval_every", c.EvalEvery, 0), setting.Int(prefix+"eval_episodes", c.EvalEpisodes, 1),
		setting.Int(prefix+"eval_max_steps", c.EvalMaxSteps, 1),
		setting.Int(prefix+"checkpoint_every", c.CheckpointEvery, 0), setting.Int(prefix+"checkpoint_keep", c.CheckpointKeep, 1),
		setting.Int("steps", c.Steps, 1),
		setting.Float(prefix+"gamma", c.Gamma, setting.Share), setting.Float(prefix+"gae_lambda", c.GAELambda, setting.Share),
		setting.Float(prefix+"obs_clip", c.ObsClip, setting.NonNegative), setting.Float(prefix+"checkpoint_seconds", c.CheckpointSeconds, setting.NonNegative),
		setting.Choice(prefix+"deterministic_action", c.DeterministicAction, ActionAuto, ActionMean, ActionMode),
		setting.Choice(prefix+"normalize_obs", c.NormalizeObs, NormalizeAuto, NormalizeOn, NormalizeOff),
	); err != nil {
		return err
	}
	if c.Envs%c.Group != 0 {
		return fmt.Errorf("%sgroup is %d: a divisor of %senvs, which is %d, is allowed", prefix, c.Group, prefix, c.Envs)
	}
	if c.EvalEpisodes > maxEvalEpisodes {
		return fmt.Errorf("%seval_episodes is %d: an integer of at most %d is allowed", prefix, c.EvalEpisodes, maxEvalEpisodes)
	}
	// Rows of a batch are indexed by int32.
	if c.StepsPerEnv > math.MaxInt32/c.Envs {
		return fmt.Errorf("%ssteps_per_env is %d: with %senvs %d a batch of at most %d transitions is allowed",
			prefix, c.StepsPerEnv, prefix, c.Envs, math.MaxInt32)
	}
	// Whole iterations of that many steps, and numbers of them as float64, are exact.
	if c.Steps > MaxSteps {
		return fmt.Errorf("steps is %d: an integer of at most %d is allowed", c.Steps, int64(MaxSteps))
	}
	return nil
}
