package ppo

import (
	"fmt"

	"paspo/internal/setting"
	"paspo/policy"
	"paspo/rl"
)

// Config holds the settings of PPO and those of the loop. Defaults are the paper's.
type Config struct {
	rl.Config `yaml:",inline"`

	Epochs    int `yaml:"epochs" doc:"passes over the batch in one update"`
	Minibatch int `yaml:"minibatch" doc:"transitions in one gradient step"`

	LR          float64 `yaml:"lr" doc:"learning rate of Adam"`
	LRSchedule  string  `yaml:"lr_schedule" doc:"constant, linear or cosine: how the learning rate goes from lr to lr_final; adaptive: from lr to where updates have an approximate KL of target_kl"`
	LRFinal     float64 `yaml:"lr_final" doc:"learning rate at the end of training, where the schedule is linear or cosine"`
	AdamBeta1   float64 `yaml:"adam_beta1" doc:"decay of Adam's first moment"`
	AdamBeta2   float64 `yaml:"adam_beta2" doc:"decay of Adam's second moment"`
	AdamEps     float64 `yaml:"adam_eps" doc:"added to the root of Adam's second moment"`
	WeightDecay float64 `yaml:"weight_decay" doc:"L2 penalty in the gradient of all parameters"`
	MaxGradNorm float64 `yaml:"max_grad_norm" doc:"ceiling of the global gradient norm; 0 for none"`

	Clip                  float64 `yaml:"clip" doc:"the probability ratio is clipped to 1 -+ clip"`
	ValueCoef             float64 `yaml:"value_coef" doc:"weight of the value loss"`
	StandardiseAdvantages bool    `yaml:"standardise_advantages" doc:"give the advantages of a batch mean 0 and deviation 1"`
	TargetKL              float64 `yaml:"target_kl" doc:"an update ends after the epoch whose approximate KL exceeds this; 0 for never; what an adaptive learning rate aims at"`

	EntropyCoef     float64 `yaml:"entropy_coef" doc:"weight of the entropy bonus"`
	EntropySchedule string  `yaml:"entropy_schedule" doc:"constant, linear or cosine: how the weight goes from entropy_coef to entropy_final"`
	EntropyFinal    float64 `yaml:"entropy_final" doc:"weight of the entropy bonus at the end of its schedule, where that is not constant"`
	EntropyUntil    float64 `yaml:"entropy_until" doc:"share of training after which the weight is entropy_final, where the schedule is not constant"`
}

// DefaultConfig returns the settings of the paper's published configuration.
func DefaultConfig() Config {
	return Config{
		Config: rl.DefaultConfig(),
		Epochs: 10, Minibatch: 64,
		LR: 1e-3, LRSchedule: rl.ScheduleConstant,
		AdamBeta1: 0.99, AdamBeta2: 0.99, AdamEps: 1e-8, WeightDecay: 1e-3, MaxGradNorm: 2,
		Clip: 0.3, ValueCoef: 0.5, StandardiseAdvantages: true,
		EntropyCoef: 0.01, EntropySchedule: rl.ScheduleConstant, EntropyUntil: 1,
	}
}

// prefix begins the names of settings.
const prefix = "ppo."

// Validate returns an error that names the first setting that is out of range, its value
// and the values that are allowed.
func (c Config) Validate() error {
	positive := func(name string, v float64) error { return setting.Float(prefix+name, v, setting.Positive) }
	nonNegative := func(name string, v float64) error { return setting.Float(prefix+name, v, setting.NonNegative) }
	schedule := func(name, v string, more ...string) error {
		return setting.Choice(prefix+name, v, append([]string{rl.ScheduleConstant, rl.ScheduleLinear, rl.ScheduleCosine}, more...)...)
	}
	if err := setting.First(
		c.Config.Validate(prefix),
		setting.Int(prefix+"epochs", c.Epochs, 1), setting.Int(prefix+"minibatch", c.Minibatch, 1),
		positive("lr", c.LR), nonNegative("lr_final", c.LRFinal), schedule("lr_schedule", c.LRSchedule, Adaptive),
		setting.Float(prefix+"adam_beta1", c.AdamBeta1, setting.Decay), setting.Float(prefix+"adam_beta2", c.AdamBeta2, setting.Decay),
		positive("adam_eps", c.AdamEps), nonNegative("weight_decay", c.WeightDecay), nonNegative("max_grad_norm", c.MaxGradNorm),
		positive("clip", c.Clip), nonNegative("value_coef", c.ValueCoef), nonNegative("target_kl", c.TargetKL),
		nonNegative("entropy_coef", c.EntropyCoef), nonNegative("entropy_final", c.EntropyFinal),
		schedule("entropy_schedule", c.EntropySchedule), setting.Float(prefix+"entropy_until", c.EntropyUntil, setting.PositiveShare),
	); err != nil {
		return err
	}
	if c.Minibatch > c.BatchSize() {
		return fmt.Errorf("ppo.minibatch is %d: at most envs * steps_per_env = %d is allowed", c.Minibatch, c.BatchSize())
	}
	if c.LRSchedule == Adaptive && c.TargetKL == 0 {
		return fmt.Errorf("ppo.target_kl is 0 and ppo.lr_schedule is %s: a number above 0 is allowed, the approximate KL to aim at", Adaptive)
	}
	return nil
}

// Facts returns the settings that change what is learned.
func (c Config) Facts() []rl.Fact { return rl.Settings(prefix, c) }

// StepSettings returns the settings of the gradient steps of an iteration; progress is the share of
// training that is done, from 0 to 1. An adaptive learning rate is the one that training begins
// with.
func (c Config) StepSettings(progress float64) policy.Settings {
	return policy.Settings{
		LearningRate: rl.Schedule(c.LRSchedule, c.LR, c.LRFinal, progress),
		Clip:         c.Clip,
		ValueCoef:    c.ValueCoef,
		EntropyCoef:  rl.Schedule(c.EntropySchedule, c.EntropyCoef, c.EntropyFinal, progress/c.EntropyUntil),
		MaxGradNorm:  c.MaxGradNorm,
		WeightDecay:  c.WeightDecay,
		Beta1:        c.AdamBeta1,
		Beta2:        c.AdamBeta2,
		Epsilon:      c.AdamEps,
	}
}

// Scheduled reports whether settings depend on progress.
func (c Config) Scheduled() bool {
	return c.LRSchedule != rl.ScheduleConstant && c.LRSchedule != Adaptive || c.EntropySchedule != rl.ScheduleConstant
}
