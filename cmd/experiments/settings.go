package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"paspo/internal/run/config"
)

// setting is one column of an experiment: a configuration by name.
type setting struct {
	name string
	*config.Config
	plain bool // without de-biased initialisation
}

// paperWith returns the paper's settings with changes, as --set takes them.
func paperWith(name string, changes ...string) (setting, error) {
	c, err := config.Load("", append([]string{"ppo.checkpoint_every=0"}, changes...), nil)
	if err != nil {
		return setting{}, fmt.Errorf("setting %q: %w", name, err)
	}
	return setting{name: name, Config: c}, nil
}

// tuned returns the settings that learn best on a benchmark, with changes.
func tuned(env string, changes ...string) (setting, error) {
	c, err := config.Load(filepath.Join("configs", env+".yaml"), append([]string{"ppo.checkpoint_every=0"}, changes...), nil)
	return setting{name: "tuned", Config: c}, err
}

// ablations change the paper's settings one at a time.
var ablations = []string{
	"ppo.entropy_coef=0.001",
	"ppo.entropy_coef=0",
	"ppo.lr_schedule=linear",
	"ppo.lr=3e-4",
	"ppo.minibatch=512",
	"ppo.envs=64 ppo.minibatch=512",
	"ppo.epochs=4",
	"ppo.target_kl=0.03",
	"ppo.clip=0.1",
	"ppo.weight_decay=0",
	"ppo.scale_values=true",
	"ppo.gae_lambda=0",
	"ppo.gamma=0",
	"ppo.obs_clip=5",
	"policy.max_shape=1000",
	"policy.fixed_width=1e-4",
	"policy.head_scale=1",
}

// settingsOf returns what is compared on a benchmark: the paper's settings, those
// that learn best, one change at a time, and further ones written as
// "key=value key=value".
func settingsOf(env string, ablate bool, further []string) ([]setting, error) {
	paper, err := paperWith("paper's settings")
	if err != nil {
		return nil, err
	}
	best, err := tuned(env)
	if err != nil {
		return nil, err
	}
	all := []setting{paper, best}
	if ablate {
		further = append(further, ablations...)
	}
	for _, name := range further {
		s, err := paperWith(name, strings.Fields(name)...)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}
