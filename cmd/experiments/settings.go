package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"paspo/internal/run/config"
	"paspo/internal/sweep/spec"
)

// setting is one column of an experiment: a configuration by name.
type setting struct {
	name string
	*config.Config
}

// Presets that experiments start from. Any other name is that of a configuration
// file, which goes over auto.
const (
	defaultSettings = "" // none: the paper's numbers in our form of the policy
	paperSettings   = "paper"
	autoSettings    = config.AutoPreset
	tunedSettings   = "tuned"
)

// settingOf returns settings by their name, for an environment, with changes as
// --set takes them.
func settingOf(name, base, env string, changes ...string) (setting, error) {
	preset, file := config.AutoPreset, base
	if slices.Contains([]string{defaultSettings, paperSettings, autoSettings, tunedSettings}, base) {
		preset, file = base, ""
		changes = append([]string{"env.name=" + env}, changes...)
	}
	c, err := config.LoadOver(preset, file, changes, nil)
	if err != nil {
		return setting{}, fmt.Errorf("setting %q: %w", name, err)
	}
	if c.Env.Name != env {
		return setting{}, fmt.Errorf("setting %q is for %s, not for %s", name, c.Env.Name, env)
	}
	return setting{name: name, Config: c}, nil
}

// paperWith returns the paper's settings in our form of the policy, with changes.
func paperWith(name, env string, changes ...string) (setting, error) {
	return settingOf(name, defaultSettings, env, changes...)
}

// tuned returns the settings that learn best on a benchmark, with changes.
func tuned(env string, changes ...string) (setting, error) {
	return settingOf(tunedSettings, tunedSettings, env, changes...)
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
	"policy.fixed_width=1e-9",
	"policy.add_fit=false policy.head_scale=0.01",
	"policy.add_fit=false",
	"policy.min_shape=1e-3",
}

// settingsOf returns what is compared on a benchmark: the presets paper, auto and
// tuned, and changes to the paper's written as "key=value key=value".
func settingsOf(env string, further []string) ([]setting, error) {
	var all []setting
	for _, preset := range []string{paperSettings, autoSettings, tunedSettings} {
		s, err := settingOf(preset, preset, env)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	more, err := changed(paperSettings, env, nil, further)
	return append(all, more...), err
}

// changed returns a base with changes, and with each of further ones beside them,
// "key=value key=value".
func changed(base, env string, changes, further []string) ([]setting, error) {
	var all []setting
	for _, f := range further {
		fields := slices.Concat(changes, strings.Fields(f))
		s, err := settingOf(cmp.Or(strings.Join(fields, " "), base), base, env, fields...)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// Settings are chosen on some seeds and reported on others: what was tuned on a
// seed does better there than elsewhere (Patterson et al., Empirical Design in
// Reinforcement Learning, JMLR 25, 2024).
const (
	tuningSeeds = "1..10"
	reportSeeds = "101..120"
)

func seedsOf(text string) (s spec.Seeds) {
	if err := s.Set(text); err != nil {
		panic(err)
	}
	return s
}
