package policy_test

import (
	"math"
	"testing"

	"paspo/policy"
	"paspo/policy/cpu"
	"paspo/policy/internal/policytest"
)

func TestConfigValidate(t *testing.T) {
	if err := policy.DefaultConfig().Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*policy.Config){
		"policy.encoder":     func(c *policy.Config) { c.Encoder = []int{32, 0} },
		"policy.latent":      func(c *policy.Config) { c.Latent = -1 },
		"policy.heads":       func(c *policy.Config) { c.Heads = nil },
		"policy.critic":      func(c *policy.Config) { c.Critic = []int{1 << 20} },
		"policy.fixed_width": func(c *policy.Config) { c.FixedWidth = math.NaN() },
		"policy.min_shape":   func(c *policy.Config) { c.MinShape = -1e-9 },
		"policy.max_shape":   func(c *policy.Config) { c.MaxShape = 0.5 },
		"policy.head_scale":  func(c *policy.Config) { c.HeadScale = math.Inf(1) },
	} {
		c := policy.DefaultConfig()
		change(&c)
		if err := c.Validate(); err == nil || len(err.Error()) < len(name) || err.Error()[:len(name)] != name {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
	// Networks need no hidden layers.
	c := policy.DefaultConfig()
	c.Encoder, c.Critic = nil, []int{}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	b, err := cpu.New(policytest.Simplex(t, 3), 2, 8, c, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Sample(policytest.RandomRequest(3, 2, 1), &policy.Samples{}); err != nil {
		t.Error(err)
	}
}
