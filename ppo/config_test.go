package ppo

import (
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestConfigValidate(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		want string // field, value
		set  func(*Config)
	}{
		{"ppo.envs is 0", func(c *Config) { c.Envs = 0 }},
		{"ppo.minibatch is 513", func(c *Config) { c.Minibatch = 513 }},
		{"ppo.steps_per_env is 2147483647", func(c *Config) { c.StepsPerEnv = math.MaxInt32 }},
		{"ppo.lr is 0", func(c *Config) { c.LR = 0 }},
		{"ppo.lr is NaN", func(c *Config) { c.LR = math.NaN() }},
		{"ppo.lr is +Inf", func(c *Config) { c.LR = math.Inf(1) }},
		{"ppo.gamma is 1.5", func(c *Config) { c.Gamma = 1.5 }},
		{"ppo.adam_beta1 is 1", func(c *Config) { c.AdamBeta1 = 1 }},
		{"ppo.group is 0", func(c *Config) { c.Group = 0 }},
		{"ppo.group is 3", func(c *Config) { c.Group = 3 }},
		{"ppo.entropy_until is 0", func(c *Config) { c.EntropyUntil = 0 }},
		{"ppo.entropy_until is 1.5", func(c *Config) { c.EntropyUntil = 1.5 }},
		{`ppo.lr_schedule is "expo"`, func(c *Config) { c.LRSchedule = "expo" }},
		{"ppo.target_kl is 0 and ppo.lr_schedule is adaptive", func(c *Config) { c.LRSchedule = Adaptive }},
		{`ppo.entropy_schedule is "adaptive"`, func(c *Config) { c.EntropySchedule = Adaptive }},
		{`ppo.normalize_obs is ""`, func(c *Config) { c.NormalizeObs = "" }},
		{"steps is 0", func(c *Config) { c.Steps = 0 }},
		{"steps is 9223372036854775807", func(c *Config) { c.Steps = math.MaxInt64 }},
	} {
		cfg := DefaultConfig()
		c.set(&cfg)
		err := cfg.Validate()
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "allowed") {
			t.Errorf("got %v, want %q and what is allowed", err, c.want)
		}
	}
}

// Every setting must be named and explained, for the printed configuration.
func TestConfigTags(t *testing.T) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		if !f.Anonymous && (f.Tag.Get("yaml") == "" || f.Tag.Get("yaml") != "-" && f.Tag.Get("doc") == "") {
			t.Errorf("%s has no yaml or doc tag", f.Name)
		}
	}
}

func TestIterations(t *testing.T) {
	c := DefaultConfig()
	for steps, want := range map[int64]int{1: 1, 512: 1, 513: 2, 150_000: 293} {
		if c.Steps = steps; c.Iterations() != want {
			t.Errorf("%d steps: %d iterations, want %d", steps, c.Iterations(), want)
		}
	}
}
