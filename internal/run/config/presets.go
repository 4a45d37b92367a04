package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"paspo/baselines"
	"paspo/configs"
	"paspo/internal/setting"
	"paspo/ppo"
	"paspo/rl"
)

// preset is a named set of settings, which a file and single settings override.
type preset struct {
	name, use string
	over      string // the preset that these settings override, empty for the defaults
	settings  string // YAML
	others    string // YAML for algorithms other than PASPO, which overrides settings
	own       bool   // the settings are those of configs/ENV.yaml
}

// AutoPreset is the preset of a training that names none.
const AutoPreset = "auto"

var presets = []preset{
	{name: AutoPreset, use: "what learns best for a problem that nobody tuned (the default)", settings: `
env:
  compute: {observation: relative}
policy: {max_shape: 1000}
ppo:
  envs: 16
  steps_per_env: 32
  group: 4          # 1 where an environment's draws cannot be repeated
  gamma: 0.8
  gae_lambda: 0.8
  scale_values: true
  minibatch: 256
  lr_schedule: linear
  weight_decay: 0
  entropy_coef: 0.05
  entropy_schedule: linear
  entropy_until: 0.5
`},
	{name: "tuned", use: "auto, with what learns better on the environment: configs/ENV.yaml", over: AutoPreset, own: true},
	{name: "control", use: "auto, with what learns continuous control, such as Gymnasium's tasks", over: AutoPreset, settings: `
policy: {min_shape: 0.5}
ppo:
  steps_per_env: 128
  gamma: 0.99
  gae_lambda: 0.95
  scale_rewards: true
  minibatch: 64
  entropy_coef: 0
`},
	{name: "paper", use: "the published code's form in full, but for its rule of acting, the mode: ppo.deterministic_action stays auto, which takes mode or mean, whichever earns more", settings: `
policy:
  fixed_width: 1e-4
  head_scale: 1
  add_fit: true
  min_shape: 1e-6
  max_shape: 0
`, others: `
policy: {max_shape: 1e5}   # where the Dirichlet distribution is known to be right
ppo: {adam_beta1: 0.9, adam_beta2: 0.999, weight_decay: 0}
`},
}

func presetOf(name string) (*preset, error) {
	for i, p := range presets {
		if p.name == name {
			return &presets[i], nil
		}
	}
	return nil, fmt.Errorf("--preset is %q: one of %s is allowed", name, strings.Join(PresetNames(), ", "))
}

// PresetNames returns the names of the presets.
func PresetNames() []string {
	names := make([]string, len(presets))
	for i, p := range presets {
		names[i] = p.name
	}
	return names
}

// PresetUse says what a preset is for.
func PresetUse(name string) (use string, ok bool) {
	p, err := presetOf(name)
	if err != nil {
		return "", false
	}
	return p.use, true
}

// PresetOf returns the preset that the configuration learns by, empty where a setting of that
// has been changed. What is trained on, for how long, where and how it is evaluated may be any.
func (c *Config) PresetOf() string {
	of := func(c *Config) []Pair {
		return slices.DeleteFunc(c.Values(""), func(p Pair) bool {
			learns := slices.ContainsFunc([]string{"policy.", "debias.", "ppo.", "algo.", "env.compute.observation"}, func(s string) bool { return strings.HasPrefix(p.Key, s) })
			apart := slices.ContainsFunc([]string{"debias.cache_dir", "ppo.eval_", "ppo.checkpoint_"}, func(s string) bool { return strings.HasPrefix(p.Key, s) })
			return !learns || apart
		})
	}
	own := of(c)
	for _, p := range presets {
		q, err := LoadOver(p.name, "", []string{"env.name=" + c.Env.Name, "algo.name=" + c.Algo.Name}, nil)
		// A preset trains in groups where the environment can.
		if err == nil && (slices.Equal(own, of(q)) || slices.Equal(own, of(q.Ungrouped()))) {
			return p.name
		}
	}
	return ""
}

// apply applies a preset for an environment and an algorithm.
func (d *decoder) apply(p *preset, env, algo string) error {
	if p.over != "" {
		under, err := presetOf(p.over)
		if err != nil {
			return err
		}
		if err := d.apply(under, env, algo); err != nil {
			return err
		}
	}
	text := []byte(p.settings)
	if p.own {
		var err error
		text, err = configs.Files.ReadFile(env + ".yaml")
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("--preset %s: there are no settings of its own for %s: one of auto, control, paper is allowed, and tuned for %s",
				p.name, env, strings.Join(tunedNames(), ", "))
		}
		if err != nil {
			return err
		}
	}
	if err := d.preset(p, text); err != nil || algo == baselines.PASPO {
		return err
	}
	return d.preset(p, []byte(p.others))
}

func (d *decoder) preset(p *preset, text []byte) error {
	root, err := setting.Document(presetSource+p.name, text)
	if root == nil || err != nil {
		return err
	}
	return d.value(d.root, "", root, func(*yaml.Node) source { return source{name: presetSource + p.name} })
}

// presetSource begins the source of a setting that a preset has set.
const presetSource = "preset "

func tunedNames() []string {
	files, _ := fs.Glob(configs.Files, "*.yaml")
	for i, f := range files {
		files[i] = strings.TrimSuffix(f, ".yaml")
	}
	return files
}

// fromPreset reports whether a preset, and nothing later, has set a setting.
func (c *Config) fromPreset(key string) bool {
	return strings.HasPrefix(c.from[key].name, presetSource)
}

// fit changes settings of a preset where later settings exclude them, since the user has not set
// them.
func (c *Config) fit() {
	if c.PPO.Envs < 1 || c.PPO.StepsPerEnv < 1 {
		return
	}
	if c.fromPreset("ppo.group") {
		for c.PPO.Envs%c.PPO.Group != 0 {
			c.PPO.Group--
		}
	}
	if c.fromPreset("ppo.minibatch") {
		c.PPO.Minibatch = min(c.PPO.Minibatch, c.PPO.BatchSize())
	}
	if c.PPO.LRSchedule == ppo.Adaptive && c.fromPreset("ppo.lr_schedule") && c.Algo.Name != baselines.PASPO {
		c.PPO.LRSchedule = rl.ScheduleLinear // only PASPO adapts its learning rate
		if c.fromPreset("ppo.target_kl") {
			c.PPO.TargetKL = 0
		}
	}
}

// Ungrouped returns the configuration with ppo.group 1 where a preset has set ppo.group, and else
// unchanged.
func (c *Config) Ungrouped() *Config {
	if !c.fromPreset("ppo.group") {
		return c
	}
	out := *c
	out.PPO.Group = 1
	return &out
}

// WritePresets lists the presets with their settings.
func WritePresets(w io.Writer) error {
	var b strings.Builder
	for _, p := range presets {
		fmt.Fprintf(&b, "%s: %s\n", p.name, p.use)
		texts := []string{p.settings}
		if p.others != "" {
			texts = append(texts, "# algorithms beside paspo"+p.others)
		}
		if p.own {
			texts = nil
			for _, env := range tunedNames() {
				data, err := configs.Files.ReadFile(env + ".yaml")
				if err != nil {
					return err
				}
				texts = append(texts, string(data))
			}
		}
		for _, text := range texts {
			for line := range strings.Lines(strings.TrimSpace(text) + "\n\n") {
				if line != "\n" {
					line = "  " + line
				}
				b.WriteString(line)
			}
		}
	}
	_, err := io.WriteString(w, strings.TrimSuffix(b.String(), "\n"))
	return err
}
