package config

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"paspo/envs/benchmarks"
	"paspo/internal/checkout"
)

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaultIsValidAndDocumented(t *testing.T) {
	c := Default()
	c.PPO.Steps = c.Steps
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	walk(reflect.ValueOf(c).Elem(), "", func(f field) {
		if f.doc == "" {
			t.Errorf("%s has no documentation", f.key)
		}
	})
}

func TestDefaultReadsBack(t *testing.T) {
	var b bytes.Buffer
	if err := Default().Write(&b); err != nil {
		t.Fatal(err)
	}
	c, err := Load(write(t, filepath.Join(t.TempDir(), "c.yaml"), b.String()), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	if err := c.Write(&again); err != nil {
		t.Fatal(err)
	}
	if again.String() != b.String() {
		t.Errorf("printed\n%s\nread back\n%s", b.String(), again.String())
	}
	want := Default()
	want.PPO.Steps, c.from = want.Steps, nil
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

func TestLoadOrder(t *testing.T) {
	file := write(t, filepath.Join(t.TempDir(), "c.yaml"), "steps: 1000\nseed: 2\nppo: {lr: 0.5, clip: 0.1}\n")
	c, err := Load(file, []string{"ppo.lr=0.25", "seed=3"}, []Setting{{"--seed", "seed", "4"}, {"--env", "env.name", "compute"}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Steps != 1000 || c.PPO.Steps != 1000 || c.Seed != 4 || c.PPO.LR != 0.25 || c.PPO.Clip != 0.1 || c.Env.Name != "compute" {
		t.Errorf("%+v", c)
	}
}

func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing.yaml")
	for _, c := range []struct {
		doc      string
		set      []string
		settings []Setting
		want     string
	}{
		{doc: "ppo:\n  clip: -1", want: "FILE:2: ppo.clip is -1: a number in (0, inf) is allowed"},
		{doc: "env:\n  portfolio:\n    spread: 2", want: "FILE:3: env.portfolio.spread is 2"},
		{doc: "\nlp: {method: magic}", want: `FILE:2: lp.method is "magic"`},
		{doc: "debias:\n  sampler:\n    chains: 1", want: "FILE:3: debias.sampler.chains is 1"},
		{doc: "steps: 0", want: "FILE:1: steps is 0"},
		{doc: "steps: 9223372036854775807", want: "FILE:1: steps is 9223372036854775807: an integer of at most"},
		{set: []string{"ppo.epochs=0"}, want: "--set ppo.epochs=0: ppo.epochs is 0: an integer of at least 1 is allowed"},
		{set: []string{"policy.encoder=[0]"}, want: "--set policy.encoder=[0]: policy.encoder"},
		{settings: []Setting{{"--env", "env.name", "porfolio"}}, want: `--env porfolio: env.name is "porfolio"`},
		{settings: []Setting{{"--steps", "steps", "many"}}, want: `--steps many: steps is "many": an integer is allowed`},
		{settings: []Setting{{"--steps", "steps", ""}}, want: "--steps : steps is empty: an integer is allowed"},
		{settings: []Setting{{"--seed", "seed", "-1"}}, want: `--seed -1: seed is "-1": an integer from 0 to 18446744073709551615 is allowed`},
		{settings: []Setting{{"--device", "device", "tpu"}}, want: `--device tpu: device is "tpu": one of auto, cpu, gpu, gpu:N is allowed`},
	} {
		file := ""
		if c.doc != "" {
			file = write(t, filepath.Join(dir, "c.yaml"), c.doc)
		}
		_, err := Load(file, c.set, c.settings)
		want := strings.Replace(c.want, "FILE", file, 1)
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q %v %v:\ngot  %v\nwant %s", c.doc, c.set, c.settings, err, want)
		}
	}
	if _, err := Load(missing, nil, nil); err == nil || err.Error() != "cannot read the configuration "+missing+": no such file or directory" {
		t.Errorf("missing file: %v", err)
	}
	if _, err := Load(dir, nil, nil); err == nil || err.Error() != "cannot read the configuration "+dir+": is a directory" {
		t.Errorf("a folder: %v", err)
	}
}

// File names in a configuration are relative to its folder, those on the command line to the working
// directory.
func TestPaths(t *testing.T) {
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "c.yaml"), "constraints: mine.yaml\nenv: {compute: {parameters: p.json}}")
	c, err := Load(file, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Constraints != filepath.Join(dir, "mine.yaml") || c.Env.Compute.Parameters != filepath.Join(dir, "p.json") {
		t.Errorf("%s, %s", c.Constraints, c.Env.Compute.Parameters)
	}
	if c, err = Load(file, nil, []Setting{{"--constraints", "constraints", "other: one.yaml"}}); err != nil || c.Constraints != "other: one.yaml" {
		t.Errorf("%v, %v", c, err)
	}
	write(t, file, "constraints: unconstrained")
	if c, err = Load(file, nil, nil); err != nil || c.Constraints != "unconstrained" || !c.Preset() {
		t.Errorf("%v, %v", c, err)
	}
}

func TestWithCopies(t *testing.T) {
	dir := t.TempDir()
	c := Default()
	c.Constraints = write(t, filepath.Join(dir, "mine.yml"), "entities: [A]")
	c.Env.Portfolio.Meta = write(t, filepath.Join(dir, "meta.json"), "{}")
	saved := map[string]string{}
	out, err := c.WithCopies(func(name string, data []byte) error { saved[name] = string(data); return nil })
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"constraints.yml": "entities: [A]", "portfolio_meta.json": "{}"}
	if !reflect.DeepEqual(saved, want) || out.Constraints != "constraints.yml" || out.Env.Portfolio.Meta != "portfolio_meta.json" {
		t.Errorf("saved %v, %s, %s", saved, out.Constraints, out.Env.Portfolio.Meta)
	}
	if c.Constraints != filepath.Join(dir, "mine.yml") {
		t.Errorf("the original was changed: %s", c.Constraints)
	}
	c.Constraints = filepath.Join(dir, "missing.yaml")
	if _, err := c.WithCopies(func(string, []byte) error { return nil }); err == nil || !strings.Contains(err.Error(), "missing.yaml: no such file or directory") {
		t.Errorf("error %v", err)
	}
}

// The configurations that come with the project are valid.
func TestConfigsOfTheProject(t *testing.T) {
	paths, err := checkout.Files("../../../configs", "*.yaml")
	if err != nil || len(paths) == 0 {
		t.Skip("SKIPPED: no configs/ here")
	}
	for _, p := range paths {
		if _, err := Load(p, nil, nil); err != nil {
			t.Error(err)
		}
	}
}

// Files and settings override presets, whose other settings are changed to fit them.
func TestPresets(t *testing.T) {
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "c.yaml"), "env: {name: compute}\nppo: {gamma: 0.5}\n")
	for _, name := range []string{"auto", "tuned", "control", "paper"} {
		c, err := LoadOver(name, file, []string{"policy.max_shape=7"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.PPO.Gamma != 0.5 || c.Policy.MaxShape != 7 || c.Env.Name != "compute" {
			t.Errorf("%s went over what was given: %+v", name, c)
		}
		if clip := c.PPO.ObsClip == 3; clip != (name == "tuned") {
			t.Errorf("%s: obs_clip %g", name, c.PPO.ObsClip)
		}
		if c.Policy.AddFit != (name == "paper") {
			t.Errorf("%s: add_fit %t", name, c.Policy.AddFit)
		}
		// A run's own configuration needs no preset.
		var text bytes.Buffer
		if err := c.Write(&text); err != nil {
			t.Fatal(err)
		}
		back, err := Load(write(t, filepath.Join(dir, name+".yaml"), text.String()), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		back.from, c.from = nil, nil
		if !reflect.DeepEqual(back, c) {
			t.Errorf("%s: read back %+v, want %+v", name, back, c)
		}
	}

	c, err := LoadOver("auto", "", []string{"ppo.envs=6", "ppo.steps_per_env=8"}, nil)
	if err != nil || c.PPO.Group != 3 || c.PPO.Minibatch != 48 {
		t.Errorf("group %d, minibatch %d, %v", c.PPO.Group, c.PPO.Minibatch, err)
	}
	if c.Ungrouped().PPO.Group != 1 || c.PPO.Group != 3 {
		t.Error("a preset's group is not taken back")
	}
	if c, err = LoadOver("auto", "", []string{"ppo.group=2"}, nil); err != nil || c.Ungrouped().PPO.Group != 2 {
		t.Errorf("a group that was asked for is taken back, %v", err)
	}
	for name, want := range map[string]string{"best": `--preset is "best": one of auto, tuned, control, paper is allowed`, "tuned": "no settings of its own for channels"} {
		if _, err := LoadOver(name, "", []string{"env.name=channels"}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// Amounts to start around are a mapping, in files and on the command line, and read back
// from what is printed.
// A configuration is known by its preset, as a file has it too, but not where it learns otherwise.
func TestPresetOf(t *testing.T) {
	for _, env := range benchmarks.Names() {
		for _, preset := range PresetNames() {
			c, err := LoadOver(preset, "", []string{"env.name=" + env, "steps=512", "seed=7", "ppo.eval_every=1", "device=cpu"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			var text bytes.Buffer
			if err := c.Write(&text); err != nil {
				t.Fatal(err)
			}
			if c, err = LoadTextOver("", "c", "", text.Bytes(), nil); err != nil || c.PresetOf() != preset {
				t.Errorf("%s of %s is %q, %v", preset, env, c.PresetOf(), err)
			}
			c, err = LoadOver(preset, "", []string{"env.name=" + env, "ppo.lr=0.02"}, nil)
			if err != nil || c.PresetOf() != "" {
				t.Errorf("%s of %s with another learning rate is %q, %v", preset, env, c.PresetOf(), err)
			}
		}
	}
}

func TestAround(t *testing.T) {
	dir := t.TempDir()
	const want = "{A: 0.3, two words: 0.7}"
	file := write(t, filepath.Join(dir, "c.yaml"), "debias:\n  around:\n    A: 0.3   # a comment\n    two words: 0.7\n")
	c, err := Load(file, nil, nil)
	if err != nil || c.Debias.Around != want {
		t.Fatalf("%q, %v", c.Debias.Around, err)
	}
	var b bytes.Buffer
	if err := c.Write(&b); err != nil {
		t.Fatal(err)
	}
	c, err = Load(write(t, filepath.Join(dir, "printed.yaml"), b.String()), nil, nil)
	if err != nil || c.Debias.Around != want {
		t.Errorf("%q, %v", c.Debias.Around, err)
	}
	c, err = Load("", []string{"debias.around={A: 0.3, two words: 0.7}"}, nil)
	if err != nil || c.Debias.Around != want {
		t.Errorf("%q, %v", c.Debias.Around, err)
	}
	for set, want := range map[string]string{
		"debias.around=[1]":      "--set debias.around=[1]: debias.around is a list: uniform, baseline or amounts",
		"debias.around=middle":   `--set debias.around=middle: debias.around is "middle": uniform, `,
		"debias.around={A: all}": "--set debias.around={A: all}: debias.around gives A",
	} {
		if _, err := Load("", []string{set}, nil); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", set, err)
		}
	}
}

// Algorithms without an adaptive rate get a linear schedule where a preset has set an adaptive one.
// Where the user has set it, it stays, and the algorithm returns an error.
func TestPresetFitsAlgorithm(t *testing.T) {
	for _, c := range []struct {
		set      []string
		schedule string
		target   float64
	}{
		{nil, "adaptive", 0.1},
		{[]string{"algo.name=ppo"}, "linear", 0},
		{[]string{"algo.name=ppo", "ppo.target_kl=0.3"}, "linear", 0.3},
		{[]string{"algo.name=ppo", "ppo.lr_schedule=adaptive"}, "adaptive", 0.1},
	} {
		got, err := LoadOver("tuned", "", append([]string{"env.name=portfolio-limited"}, c.set...), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got.PPO.LRSchedule != c.schedule || got.PPO.TargetKL != c.target {
			t.Errorf("%v: %s with a target of %g, want %s with %g", c.set, got.PPO.LRSchedule, got.PPO.TargetKL, c.schedule, c.target)
		}
	}
}

// Costs of some assets alone leave all others free: nothing begins with them, and runs that have them go on.
func TestCostsOfAll(t *testing.T) {
	for costs, allowed := range map[string]bool{"{A: 0.1}": false, "{default: 0.1, A: 0.2}": true, "0.1": true} {
		file := write(t, filepath.Join(t.TempDir(), "c.yaml"), "env: {name: market, market: {model: market.json, costs: "+costs+"}}\n")
		if _, err := Load(file, nil, nil); err != nil {
			t.Errorf("%s: %v", costs, err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, ofFile := LoadOver("", file, nil, nil)
		_, ofText := LoadTextOver("", "base", filepath.Dir(file), text, nil)
		for name, err := range map[string]error{file: ofFile, "base": ofText} {
			if allowed != (err == nil) || err != nil && !strings.HasPrefix(err.Error(), name+`:1: env.market.costs is "{A: 0.1}": default is needed, the costs of all others, as in {default: 0.001, ..}`) {
				t.Errorf("%s: %v", costs, err)
			}
		}
	}
}
