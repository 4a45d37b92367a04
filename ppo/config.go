package ppo

import (
	"fmt"
	"math"
	"strings"
)

// Config holds the settings of training. Defaults are the paper's.
type Config struct {
	Envs        int `yaml:"envs" doc:"environments stepped side by side"`
	StepsPerEnv int `yaml:"steps_per_env" doc:"steps of every environment in one iteration; the batch is envs * steps_per_env"`
	Epochs      int `yaml:"epochs" doc:"passes over the batch in one update"`
	Minibatch   int `yaml:"minibatch" doc:"transitions in one gradient step"`

	LR          float64 `yaml:"lr" doc:"learning rate of Adam"`
	LRSchedule  string  `yaml:"lr_schedule" doc:"constant, linear or cosine: how the learning rate goes from lr to lr_final"`
	LRFinal     float64 `yaml:"lr_final" doc:"learning rate at the end of training, where the schedule is not constant"`
	AdamBeta1   float64 `yaml:"adam_beta1" doc:"decay of Adam's first moment"`
	AdamBeta2   float64 `yaml:"adam_beta2" doc:"decay of Adam's second moment"`
	AdamEps     float64 `yaml:"adam_eps" doc:"added to the root of Adam's second moment"`
	WeightDecay float64 `yaml:"weight_decay" doc:"L2 penalty in the gradient of all parameters"`
	MaxGradNorm float64 `yaml:"max_grad_norm" doc:"ceiling of the global gradient norm; 0 for none"`

	Gamma                 float64 `yaml:"gamma" doc:"discount factor"`
	GAELambda             float64 `yaml:"gae_lambda" doc:"lambda of generalised advantage estimation"`
	Clip                  float64 `yaml:"clip" doc:"the probability ratio is clipped to 1 -+ clip"`
	ValueCoef             float64 `yaml:"value_coef" doc:"weight of the value loss"`
	StandardiseAdvantages bool    `yaml:"standardise_advantages" doc:"give the advantages of a batch mean 0 and deviation 1"`
	TargetKL              float64 `yaml:"target_kl" doc:"an update ends after the epoch whose approximate KL exceeds this; 0 for never"`

	EntropyCoef     float64 `yaml:"entropy_coef" doc:"weight of the entropy bonus"`
	EntropySchedule string  `yaml:"entropy_schedule" doc:"constant, linear or cosine: how the weight goes from entropy_coef to entropy_final"`
	EntropyFinal    float64 `yaml:"entropy_final" doc:"weight of the entropy bonus at the end of training, where the schedule is not constant"`

	NormalizeObs string  `yaml:"normalize_obs" doc:"auto, on or off: standardise observations by their running mean and deviation; auto asks the environment"`
	ObsClip      float64 `yaml:"obs_clip" doc:"standardised observations are clipped to -+ obs_clip; 0 for no clipping"`
	ScaleValues  bool    `yaml:"scale_values" doc:"the critic learns returns standardised by their running mean and deviation"`
	ScaleRewards bool    `yaml:"scale_rewards" doc:"divide rewards by the running deviation of the discounted return"`

	EvalEvery    int    `yaml:"eval_every" doc:"iterations between evaluations; 0 for none"`
	EvalEpisodes int    `yaml:"eval_episodes" doc:"episodes of an evaluation"`
	EvalMaxSteps int    `yaml:"eval_max_steps" doc:"an evaluated episode is cut off here"`
	EvalSeed     uint64 `yaml:"eval_seed" doc:"seed of the episodes of evaluations, the same in every evaluation"`

	CheckpointEvery int `yaml:"checkpoint_every" doc:"iterations between checkpoints; 0 for one at the end only"`
	CheckpointKeep  int `yaml:"checkpoint_keep" doc:"checkpoints that are kept, beside the best"`

	// Steps is the length of training in environment steps. It is rounded up to
	// whole iterations.
	Steps int64 `yaml:"-" json:"-"`
}

// DefaultConfig returns the settings of the paper's published configuration
// (DESIGN section 5).
func DefaultConfig() Config {
	return Config{
		Envs: 8, StepsPerEnv: 64, Epochs: 10, Minibatch: 64,
		LR: 1e-3, LRSchedule: ScheduleConstant,
		AdamBeta1: 0.99, AdamBeta2: 0.99, AdamEps: 1e-8, WeightDecay: 1e-3, MaxGradNorm: 2,
		Gamma: 1, GAELambda: 0.95, Clip: 0.3, ValueCoef: 0.5, StandardiseAdvantages: true,
		EntropyCoef: 0.01, EntropySchedule: ScheduleConstant,
		NormalizeObs: NormalizeAuto,
		EvalEvery:    10, EvalEpisodes: 20, EvalMaxSteps: 10_000,
		CheckpointEvery: 10, CheckpointKeep: 3,
		Steps: 150_000,
	}
}

// Values of Config.NormalizeObs.
const (
	NormalizeAuto = "auto"
	NormalizeOn   = "on"
	NormalizeOff  = "off"
)

// BatchSize returns the number of transitions of one iteration.
func (c Config) BatchSize() int { return c.Envs * c.StepsPerEnv }

// Iterations returns the number of iterations that Steps takes, rounded up.
func (c Config) Iterations() int {
	b := int64(c.BatchSize())
	return int((c.Steps + b - 1) / b)
}

// Validate returns an error that names the first field out of its range, its
// value and what is allowed.
func (c Config) Validate() error {
	ints := []struct {
		name  string
		value int
		min   int
	}{
		{"envs", c.Envs, 1}, {"steps_per_env", c.StepsPerEnv, 1},
		{"epochs", c.Epochs, 1}, {"minibatch", c.Minibatch, 1},
		{"eval_every", c.EvalEvery, 0}, {"eval_episodes", c.EvalEpisodes, 1}, {"eval_max_steps", c.EvalMaxSteps, 1},
		{"checkpoint_every", c.CheckpointEvery, 0}, {"checkpoint_keep", c.CheckpointKeep, 1},
	}
	for _, f := range ints {
		if f.value < f.min {
			return fmt.Errorf("ppo.%s is %d: an integer of at least %d is allowed", f.name, f.value, f.min)
		}
	}
	// Rows of a batch are indexed by int32.
	if c.StepsPerEnv > math.MaxInt32/c.Envs {
		return fmt.Errorf("ppo.steps_per_env is %d: with ppo.envs %d a batch of at most %d transitions is allowed",
			c.StepsPerEnv, c.Envs, math.MaxInt32)
	}
	if c.Minibatch > c.BatchSize() {
		return fmt.Errorf("ppo.minibatch is %d: at most envs * steps_per_env = %d is allowed", c.Minibatch, c.BatchSize())
	}
	if c.Steps < 1 {
		return fmt.Errorf("steps is %d: an integer of at least 1 is allowed", c.Steps)
	}

	inf := math.Inf(1)
	floats := []struct {
		name  string
		value float64
		r     span
	}{
		{"lr", c.LR, span{0, inf, true, true}},
		{"lr_final", c.LRFinal, span{0, inf, false, true}},
		{"adam_beta1", c.AdamBeta1, span{0, 1, false, true}},
		{"adam_beta2", c.AdamBeta2, span{0, 1, false, true}},
		{"adam_eps", c.AdamEps, span{0, inf, true, true}},
		{"weight_decay", c.WeightDecay, span{0, inf, false, true}},
		{"max_grad_norm", c.MaxGradNorm, span{0, inf, false, true}},
		{"gamma", c.Gamma, span{0, 1, false, false}},
		{"gae_lambda", c.GAELambda, span{0, 1, false, false}},
		{"clip", c.Clip, span{0, inf, true, true}},
		{"value_coef", c.ValueCoef, span{0, inf, false, true}},
		{"target_kl", c.TargetKL, span{0, inf, false, true}},
		{"entropy_coef", c.EntropyCoef, span{0, inf, false, true}},
		{"entropy_final", c.EntropyFinal, span{0, inf, false, true}},
		{"obs_clip", c.ObsClip, span{0, inf, false, true}},
	}
	for _, f := range floats {
		if !f.r.contains(f.value) {
			return fmt.Errorf("ppo.%s is %g: a number in %v is allowed", f.name, f.value, f.r)
		}
	}

	schedules := []string{ScheduleConstant, ScheduleLinear, ScheduleCosine}
	choices := []struct {
		name, value string
		allowed     []string
	}{
		{"lr_schedule", c.LRSchedule, schedules},
		{"entropy_schedule", c.EntropySchedule, schedules},
		{"normalize_obs", c.NormalizeObs, []string{NormalizeAuto, NormalizeOn, NormalizeOff}},
	}
choice:
	for _, f := range choices {
		for _, a := range f.allowed {
			if f.value == a {
				continue choice
			}
		}
		return fmt.Errorf("ppo.%s is %q: one of %s is allowed", f.name, f.value, strings.Join(f.allowed, ", "))
	}
	return nil
}

// span is an interval of numbers, each end open or closed.
type span struct {
	lo, hi         float64
	loOpen, hiOpen bool
}

func (s span) contains(x float64) bool {
	return (x > s.lo || !s.loOpen && x == s.lo) && (x < s.hi || !s.hiOpen && x == s.hi)
}

func (s span) String() string {
	l, r := "[", "]"
	if s.loOpen {
		l = "("
	}
	if s.hiOpen {
		r = ")"
	}
	hi := fmt.Sprint(s.hi)
	if math.IsInf(s.hi, 1) {
		hi = "inf"
	}
	return fmt.Sprintf("%s%g, %s%s", l, s.lo, hi, r)
}
