package config

import (
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"paspo/baselines"
	"paspo/envs/benchmarks"
	"paspo/envs/market"
	"paspo/internal/atomicfile"
	"paspo/internal/blas"
	"paspo/internal/limits"
	"paspo/internal/setting"
	"paspo/lp/constraints"
	"paspo/lp/interval"
	"paspo/policy"
	"paspo/policy/debias"
	"paspo/ppo"
	"paspo/rl"
)

// Config holds all settings of a run.
type Config struct {
	Seed        uint64 `yaml:"seed" doc:"seed of all random numbers"`
	Steps       int64  `yaml:"steps" doc:"environment steps of training, rounded up to whole iterations"`
	Device      string `yaml:"device" doc:"auto, cpu, gpu or gpu:N; auto takes a GPU where there is one"`
	Kernels     string `yaml:"kernels" doc:"auto, plain, avx2, avx512 or neon: instructions of the kernels on the CPU; results of different ones differ in their last bits"`
	Constraints string `yaml:"constraints" doc:"constraints file (.yaml or .npz) or name of a preset; empty for the environment's own"`
	From        string `yaml:"from" doc:"run, or one of its checkpoint files, whose parameters and statistics of observations the policy starts from; empty for no warm start"`

	Env    benchmarks.Config `yaml:"env" doc:"what to train on"`
	LP     interval.Config   `yaml:"lp" doc:"how intervals are computed"`
	Policy policy.Config     `yaml:"policy" doc:"the networks"`
	Debias debias.Config     `yaml:"debias" doc:"de-biased initialisation"`
	PPO    ppo.Config        `yaml:"ppo" doc:"training"`
	Algo   baselines.Config  `yaml:"algo" doc:"the algorithm, and settings of those other than PASPO"`
	Report Report            `yaml:"report" doc:"the comparison that ends a run"`

	from map[string]source // where each setting was set
}

// Report sets the episodes of the comparison that ends a run.
type Report struct {
	Episodes int    `yaml:"episodes" doc:"simulated trajectories or episodes that every policy plays"`
	Starts   int    `yaml:"starts" doc:"portfolio: starts of the real months that every policy plays"`
	Seed     uint64 `yaml:"seed" doc:"seed of the episodes that every policy plays, the same for all runs"`
}

// Default returns the paper's settings.
func Default() *Config {
	return &Config{
		Seed: 1, Steps: ppo.DefaultConfig().Steps, Device: DeviceAuto, Kernels: blas.Auto,
		Env: benchmarks.DefaultConfig(), LP: interval.DefaultConfig(), Policy: policy.DefaultConfig(),
		Debias: debias.DefaultConfig(), PPO: ppo.DefaultConfig(), Algo: baselines.DefaultConfig(),
		Report: Report{Episodes: 200, Starts: 200, Seed: 2021},
	}
}

// Setting is one setting from the command line.
type Setting struct {
	Flag  string // for messages, for example "--seed"
	Key   string // dotted
	Value string
}

// Load returns the defaults, overridden by a file (none where its name is empty), then by the
// assignments "a.b=c" in order, then by the settings. Errors name the place, the key, the value and
// the values that are allowed.
func Load(file string, assignments []string, settings []Setting) (*Config, error) {
	return loadOver("", document{file: file}, assignments, settings)
}

// LoadOver is Load of what is to begin, with a preset between the defaults and the file, none where its
// name is empty. Some settings of the preset are changed where later settings exclude them (see fit).
func LoadOver(preset, file string, assignments []string, settings []Setting) (*Config, error) {
	return begin(preset, document{file: file}, assignments, settings)
}

// begin is loadOver of what is to begin. Runs may have costs that it refuses, from when they were allowed, and go on.
func begin(preset string, doc document, assignments []string, settings []Setting) (*Config, error) {
	c, err := loadOver(preset, doc, assignments, settings)
	if err == nil && c.Env.Name == market.Name && c.Env.Market.Costs.Partial() {
		err = c.located("env", fmt.Errorf("market.costs is %q: default is needed, the costs of all others, as in {default: %s, ..}", string(c.Env.Market.Costs), market.DefaultConfig().Costs))
	}
	return c, err
}

// LoadTextOver is LoadOver with the text of a document in place of a file, and a name for messages.
// File names in it are relative to the folder dir.
func LoadTextOver(preset, name, dir string, text []byte, assignments []string) (*Config, error) {
	return begin(preset, document{name, dir, text}, assignments, nil)
}

// document is a YAML document with settings: a file, or a text with a name for messages and the
// folder that file names in it are relative to.
type document struct {
	file string // empty for no document
	dir  string // of a text
	text []byte // nil to read the file
}

func loadOver(preset string, file document, assignments []string, settings []Setting) (*Config, error) {
	c := Default()
	d := newDecoder(c)
	if preset != "" {
		p, err := presetOf(preset)
		if err != nil {
			return nil, err
		}
		// The file and the settings choose environment and algorithm, which the preset depends on.
		named := Default()
		if err := newDecoder(named).load(named, file, assignments, settings); err != nil {
			return nil, err
		}
		if err := d.apply(p, named.Env.Name, named.Algo.Name); err != nil {
			return nil, err
		}
	}
	if err := d.load(c, file, assignments, settings); err != nil {
		return nil, err
	}
	c.PPO.Steps = c.Steps
	c.from = d.from
	c.fit()
	return c, c.Validate()
}

// load applies a document, the assignments and the settings.
func (d *decoder) load(c *Config, doc document, assignments []string, settings []Setting) error {
	if doc.text != nil {
		if err := d.document(doc.file, doc.text); err != nil {
			return err
		}
		c.relativeTo(doc.dir, d.from)
	} else if file := doc.file; file != "" {
		data, err := limits.ReadFile(file, limits.Config)
		if err != nil {
			return fmt.Errorf("cannot read the configuration %s: %w", file, atomicfile.Cause(err))
		}
		if err := d.document(file, data); err != nil {
			return err
		}
		c.relativeTo(filepath.Dir(file), d.from)
	}
	for _, a := range assignments {
		if err := d.assignment(a); err != nil {
			return err
		}
	}
	for _, s := range settings {
		if err := d.setting(s); err != nil {
			return err
		}
	}
	return nil
}

// setting applies one setting. The value is YAML; a string is taken literally.
func (d *decoder) setting(s Setting) error {
	from := source{name: fmt.Sprintf("%s %s", s.Flag, s.Value)}
	at := d.root
	for part := range strings.SplitSeq(s.Key, ".") {
		at, _ = lookup(at, part)
	}
	node := &yaml.Node{Kind: yaml.ScalarNode, Value: s.Value}
	if at.Kind() == reflect.String {
		node.Tag = "!!str"
	}
	return d.value(at, s.Key, node, func(*yaml.Node) source { return from })
}

// Validate returns an error that names the first setting that is out of range, its value, the
// values that are allowed, and where it was set.
func (c *Config) Validate() error {
	for _, s := range []struct {
		section string
		err     error
	}{
		{"", c.validateTopLevel()},
		{"env", c.Env.Validate()}, {"lp", c.LP.Validate()}, {"policy", c.Policy.Validate()},
		{"debias", c.Debias.Validate()}, {"ppo", c.PPO.Validate()},
		{"algo", c.Algo.Validate()},
	} {
		if s.err != nil {
			return c.located(s.section, s.err)
		}
	}
	return nil
}

func (c *Config) validateTopLevel() error {
	switch {
	case c.Steps < 1:
		return fmt.Errorf("steps is %d: an integer of at least 1 is allowed", c.Steps)
	case c.Steps > rl.MaxSteps:
		return fmt.Errorf("steps is %d: an integer of at most %d is allowed", c.Steps, int64(rl.MaxSteps))
	case !validDevice(c.Device):
		return fmt.Errorf("device is %q: one of auto, cpu, gpu, gpu:N is allowed", c.Device)
	case !slices.Contains(blas.Levels(), c.Kernels):
		return fmt.Errorf("kernels is %q: one of %s is allowed", c.Kernels, strings.Join(blas.Levels(), ", "))
	case c.Env.Name == market.Name && c.PPO.EvalMaxSteps < market.MostDecisions && (c.Env.Market.Decisions < 1 || c.Env.Market.Decisions > c.PPO.EvalMaxSteps):
		// Policies are compared on whole episodes, after training.
		return fmt.Errorf("env.market.decisions is %d: 1 to ppo.eval_max_steps, %d, are allowed", c.Env.Market.Decisions, c.PPO.EvalMaxSteps)
	}
	return setting.First(CheckEpisodes("report.episodes", c.Report.Episodes), CheckEpisodes("report.starts", c.Report.Starts))
}

// CheckEpisodes checks a number of episodes that policies are compared on. They are
// played side by side, which takes some 8 kB each on the portfolio.
func CheckEpisodes(name string, n int) error {
	return setting.IntIn(name, n, 2, 100_000)
}

// located adds the section of the key, and the place where it was set, to an error
// "key is value: ...".
func (c *Config) located(section string, err error) error {
	text := strings.TrimPrefix(err.Error(), section+": ")
	key, rest, _ := strings.Cut(text, " ")
	if section != "" && key != section && !strings.HasPrefix(key, section+".") {
		key = join(section, key)
	}
	if from, ok := c.from[key]; ok {
		return fmt.Errorf("%v: %s %s", from, key, rest)
	}
	return fmt.Errorf("%s %s", key, rest)
}

// Write writes the settings as YAML with their documentation as comments. It
// reads back to the same settings.
func (c *Config) Write(w io.Writer) error { return printSettings(w, c) }

// IsSet reports whether a setting was set, rather than left at its default.
func (c *Config) IsSet(key string) bool {
	_, set := c.from[key]
	return set
}

// Keys returns the dotted keys of all settings, without sections.
func (c *Config) Keys() []string {
	var all []string
	walk(reflect.ValueOf(c).Elem(), "", func(f field) {
		if !f.section() {
			all = append(all, f.key)
		}
	})
	return all
}

// Doc returns the documentation of a setting or a section.
func (c *Config) Doc(key string) (text string, ok bool) {
	walk(reflect.ValueOf(c).Elem(), "", func(f field) {
		if f.key == key {
			text, ok = f.doc, true
		}
	})
	return text, ok
}

// Pair is a setting and its value as the configuration prints it.
type Pair struct{ Key, Value string }

// Values returns the settings of a section in order, or of all sections where section is empty,
// without those that name files.
func (c *Config) Values(section string) []Pair {
	files := c.files()
	var all []Pair
	walk(reflect.ValueOf(c).Elem(), "", func(f field) {
		if _, file := files[f.key]; !file && !f.section() && (section == "" || strings.HasPrefix(f.key, section+".")) {
			all = append(all, Pair{f.key, literal(f.value)})
		}
	})
	return all
}

// Files returns the names of files in settings, by key.
func (c *Config) Files() map[string]string {
	all := map[string]string{}
	for key, f := range c.files() {
		if *f != "" && !(key == "constraints" && c.Preset()) {
			all[key] = *f
		}
	}
	return all
}

// NamesFile reports whether the value of a setting is the name of a file.
func NamesFile(key string) bool {
	_, file := Default().files()[key]
	return file
}

// files returns pointers to the settings that name files, by key.
func (c *Config) files() map[string]*string {
	all := map[string]*string{
		"constraints":                 &c.Constraints,
		"from":                        &c.From,
		"env.portfolio.parameters":    &c.Env.Portfolio.Parameters,
		"env.portfolio.meta":          &c.Env.Portfolio.Meta,
		"env.portfolio.backtest_file": &c.Env.Portfolio.BacktestFile,
		"env.compute.parameters":      &c.Env.Compute.Parameters,
	}
	walk(reflect.ValueOf(c).Elem(), "", func(f field) {
		if f.file {
			all[f.key] = f.value.Addr().Interface().(*string)
		}
	})
	return all
}

// relativeTo joins dir, the folder of a document, to relative file names in it.
func (c *Config) relativeTo(dir string, from map[string]source) {
	for key, f := range c.files() {
		if _, set := from[key]; !set || *f == "" || filepath.IsAbs(*f) || key == "constraints" && c.Preset() {
			continue
		}
		*f = filepath.Join(dir, *f)
	}
}

// Preset reports whether the constraints are those of a preset.
func (c *Config) Preset() bool { return slices.Contains(constraints.PresetNames(), c.Constraints) }

// WithCopies gives save a copy of every file that the configuration names, and returns a
// configuration that names the copies, so that a run does not change when a file does.
func (c *Config) WithCopies(save func(name string, data []byte) error) (*Config, error) {
	out := *c
	out.Env = out.Env.WithOwnOptions()
	files := out.files()
	for _, key := range slices.Sorted(maps.Keys(files)) {
		f := files[key]
		if *f == "" || key == "constraints" && c.Preset() {
			continue
		}
		most := int64(limits.Market)
		if key == "from" {
			most = limits.Checkpoint
		}
		data, err := limits.ReadFile(*f, most)
		if err != nil {
			return nil, fmt.Errorf("cannot read %s: %w", *f, atomicfile.Cause(err))
		}
		name := strings.ReplaceAll(strings.TrimPrefix(key, "env."), ".", "_") + filepath.Ext(*f)
		if err := save(name, data); err != nil {
			return nil, err
		}
		*f = name
	}
	return &out, nil
}
