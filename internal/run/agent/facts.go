package agent

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"paspo/baselines"
	"paspo/internal/atomicfile"
	"paspo/internal/limits"
	"paspo/internal/run/config"
	"paspo/ppo"
	"paspo/rl"
)

// facts returns the facts of a configuration that the trainer does not know: the settings of the
// environment, its files and the networks.
func facts(c *config.Config) ([]rl.Fact, error) {
	var all []rl.Fact
	add := func(minor bool, pairs ...config.Pair) {
		for _, p := range pairs {
			all = append(all, rl.Fact{Name: p.Key, Value: p.Value, Minor: minor})
		}
	}
	add(false, config.Pair{Key: "env.name", Value: c.Env.Name})
	// A variant, such as compute-capped, has the settings of its benchmark.
	benchmark, _, _ := strings.Cut(c.Env.Name, "-")
	if c.Env.IsOwn() {
		benchmark = "options"
	}
	add(false, c.Values("env."+benchmark)...)
	files := c.Files()
	for _, key := range slices.Sorted(maps.Keys(files)) {
		if key != "constraints" && !strings.HasPrefix(key, "env."+benchmark+".") {
			continue
		}
		data, err := limits.ReadFile(files[key], limits.Constraints)
		if err != nil {
			return nil, fmt.Errorf("cannot read %s: %w", files[key], atomicfile.Cause(err))
		}
		// The content of constraints is in the facts of the polytope. Other files are JSON, whose
		// white space does not matter.
		if key != "constraints" {
			content := data
			var compact bytes.Buffer
			if json.Compact(&compact, data) == nil {
				content = compact.Bytes()
			}
			add(false, config.Pair{Key: key, Value: fmt.Sprintf("a file with content of sha256 %x", sha256.Sum256(content))})
		}
		add(true, config.Pair{Key: "text of " + key, Value: fmt.Sprintf("of sha256 %x", sha256.Sum256(data))})
	}
	add(false, c.Values("policy")...)
	for _, p := range c.Values("lp") {
		// Intervals depend on neither of these.
		if p.Key != "lp.workers" && p.Key != "lp.max_bases" {
			add(true, p)
		}
	}
	return all, nil
}

// newTrainer returns a trainer of the agent's policy at the start of training.
func (a *Agent) newTrainer() (*rl.Trainer, error) {
	c := a.Config
	var t *rl.Trainer
	var err error
	if c.Algo.Name == baselines.PASPO {
		t, err = ppo.New(a.Problem, a.Backend, c.PPO, c.Seed)
	} else {
		t, err = baselines.New(a.Problem, a.Backend, c.Algo, c.PPO, c.Seed)
	}
	if err != nil {
		return nil, err
	}
	t.Describe(a.facts...)
	return t, nil
}
