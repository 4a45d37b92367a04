package spec

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"paspo/internal/checkout"
	"paspo/internal/run/config"
	"paspo/internal/sweep/search"
)

func TestBadSweeps(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s.yaml")
	good := map[string]string{
		"base": "base: auto", "seeds": "seeds: [1, 2]", "search": "search: {method: random, trials: 3}",
		"space": "space: {ppo.lr: {log: [1e-5, 1e-2]}}",
	}
	for _, c := range []struct{ key, line, want string }{
		{"base", "base: missing.yaml", `:1: base is "missing.yaml", and there is no file ` + filepath.Join(dir, "missing.yaml")},
		{"base", "base:", ":1: base is empty: a configuration file, a preset"},
		{"base", "base: [1]", ":1: base is a list: a configuration file, a preset (auto, tuned, control, paper) or settings"},
		{"base", "base: {preset: best}", `:1: base.preset is "best": one of auto, tuned, control, paper is allowed`},
		{"base", "# to change\nbase:\n  steps: 100\n  stepz: 3", ":3: base: unknown key stepz; did you mean steps?"},
		{"base", "base: {env: {name: portfoli}}", `:1: base: env.name is "portfoli": portfolio, `},
		{"base", "", ": base is missing"},
		{"base", "base: auto\nseed: 3", ":2: unknown key seed: one of base, objective, prune, report, search, seeds, space is allowed"},
		{"seeds", "seeds: []", ":2: seeds is an empty list: a list of seeds"},
		{"seeds", "seeds: [1, 1]", ":2: seeds: seed 1 comes twice"},
		{"seeds", "seeds: 5..1", `:2: seeds: "5..1": seeds such as 1..10`},
		{"seeds", "seeds: [0, 18446744073709551615]", ":2: seeds has 18446744073709551615, after which there are not 2 more"},
		{"seeds", "seeds: [1, 2]\nreport: {seeds: [3, 2]}", ":3: report.seeds has 2, which seeds has too"},
		{"search", "search: {method: magic}", `:3: search.method is "magic": one of grid, random, sobol, tpe, cmaes`},
		{"search", "search: grid", `:3: search is "grid": a mapping such as {method: grid} is allowed`},
		{"search", "search: {method: random}", ":3: search.trials is missing"},
		{"search", "search: {method: random, trials: 0}", `:3: search.trials is "0": an integer from 1 to 1000000`},
		{"space", "space: {ppo.epochs: {int: [2, 3]}}", ":3: search.trials is 3: the space has 2 settings, and none is tried twice: at most 2 is allowed"},
		{"search", "search: {method: grid}", ":4: space.ppo.lr has no points: a grid needs how many of the range it tries"},
		{"search", "search: {method: random, trials: 3, trials: 4}", ":3: search.trials is set twice"},
		{"search", "search: {method: random, trials: 3}\nprune: {method: asha}", ":4: prune needs method and min_steps"},
		{"search", "search: {method: random, trials: 3}\nprune: {method: asha, min_steps: 10, factor: 1}", `:4: prune.factor is "1": an integer from 2 to 1000`},
		{"space", "space: {}", ":4: space is empty"},
		{"space", "", ": space is missing"},
		{"space", "space: {ppo.lrr: {log: [1, 2]}}", ":4: space: unknown key ppo.lrr; did you mean ppo.lr?"},
		{"space", "space: {seed: {choices: [1]}}", ":4: space.seed: the seeds of all settings are those of seeds"},
		{"space", "space: {ppo.eval_seed: {int: [1, 5]}}", ":4: space.ppo.eval_seed: all settings are compared on the same episodes; give it in base"},
		{"space", "space: {device: {choices: [cpu]}}", ":4: space.device: it does not change what is learned"},
		{"space", "space: {lp.workers: {int: [1, 4]}}", ":4: space.lp.workers: it does not change what is learned"},
		{"space", "space: {lp.max_bases: {int: [10, 20]}}", ":4: space.lp.max_bases: it does not change what is learned"},
		{"space", "space: {algo.kappa: {linear: [0, 1]}}", ":4: space.algo.kappa: it changes nothing where algo.name is paspo: one of p3o is needed"},
		{"space", "space: {algo.cost_limit: {linear: [0, 1]}, algo.name: {choices: [ppo, optlayer]}}", ":4: space.algo.cost_limit: it changes nothing where algo.name is ppo, optlayer: one of lagrangian, cpo, cup, ipo, p3o is needed"},
		{"space", "space: {env.compute.penalty: {linear: [0, 1]}}", ":4: space.env.compute.penalty: it changes nothing where env.name is portfolio: an environment with settings in env.compute is needed"},
		{"space", "space: {debias.sampler.workers: {int: [1, 4]}}", ":4: space.debias.sampler.workers: it does not"},
		{"space", "space: {debias.cache_dir: {choices: [a, b, c]}}", ":4: space.debias.cache_dir: it does not"},
		{"space", "space: {ppo.checkpoint_every: {int: [1, 4]}}", ":4: space.ppo.checkpoint_every: it does not"},
		{"space", "space: {ppo.checkpoint_seconds: {linear: [1, 4]}}", ":4: space.ppo.checkpoint_seconds: it does not"},
		{"space", "space: {ppo.checkpoint_keep: {int: [1, 4]}}", ":4: space.ppo.checkpoint_keep: it does not"},
		{"space", "space: {env.python.workers: {int: [1, 4]}}", ":4: space.env.python.workers: it does not"},
		{"space", "space: {env.python.start: {choices: [spawn, fork]}}", ":4: space.env.python.start: it does not"},
		{"space", "space: {env.python.timeout: {linear: [1, 4]}}", ":4: space.env.python.timeout: it does not"},
		{"space", "space: {constraints: {choices: [a]}}", ":4: space.constraints: a setting that names a file belongs into base"},
		{"space", "space: {preset: {choices: [auto, best]}}", ":4: space.preset.choices has best: presets are auto, tuned, control, paper"},
		{"space", "space: {preset: {linear: [0, 1]}}", ":4: space.preset is no number"},
		{"space", "space: {ppo: {choices: [1]}}", ":4: space.ppo is a section: settings are named with dots, such as ppo.lr: {log: [1e-5, 1e-2]}"},
		{"space", "space:\n  ppo:\n    lr: {log: [1e-5, 1e-2]}", ":5: space.ppo is a section: settings are named with dots, such as ppo.lr: {log: [1e-5, 1e-2]}"},
		{"space", "space: {ppo.lr: {log: [0, 1]}}", ":4: space.ppo.lr is [0, 1]: [low, high] with finite numbers and 0 < low < high is allowed"},
		{"space", "space: {ppo.lr: {log: [\"1e-5\", 1e-2]}}", `:4: space.ppo.lr is ["1e-5", 1e-2]: [low, high] with finite numbers`},
		{"space", "space: {ppo.lr: {linear: [1, 1]}}", ":4: space.ppo.lr is [1, 1]: [low, high]"},
		{"space", "space: {ppo.envs: {log: [0.5, 8]}}", ":4: space.ppo.envs is [0.5, 8]: [low, high] with integers"},
		{"space", "space: {ppo.epochs: {int: [1, 9007199254740994]}}", ":4: space.ppo.epochs is [1, 9007199254740994]: [low, high] with integers of at most 2^53"},
		{"space", "space: {ppo.lr_schedule: {linear: [1, 2]}}", ":4: space.ppo.lr_schedule is no number"},
		{"space", "space: {ppo.lr: {choices: []}}", ":4: space.ppo.lr.choices is an empty list"},
		{"space", "space: {ppo.lr: {choices: [1e-3, 0.001]}}", ":4: space.ppo.lr.choices has 0.001 twice"},
		{"space", "space: {ppo.lr: {log: [1e-3, 1], linear: [0, 1]}}", ":4: space.ppo.lr has 2 kinds of values"},
		{"space", "space: {ppo.lr: 3}", `:4: space.ppo.lr is "3"`},
		{"space", "space: {ppo.lr: {log: [1e-3, 1]}, ppo.lr: {log: [1e-3, 1]}}", ":4: space.ppo.lr is set twice"},
		{"space", "space: {ppo.lr: {linear: [-1, 1]}}", ":4: space.ppo.lr: ppo.lr is -1: a number in (0, inf) is allowed"},
		{"seeds", "seeds: &a [1]\nreport: {seeds: *a}", ":3: report.seeds is the alias *a: its value itself is allowed, and aliases in base alone"},
		{"seeds", "seeds: [&a 1, *a]", ":2: seeds is the alias *a: its value itself is allowed"},
		{"space", "space: {ppo.lr: &a {log: [1e-5, 1e-2]}, ppo.lr_final: *a}", ":4: space.ppo.lr_final is the alias *a: its value itself"},
		{"base", "base: auto\n---\nseeds: 5", ":2: a second document begins: a file holds one"},
		{"space", "space: {ppo.lr_schedule: {choices: [linear, constant, square]}}", `:4: space.ppo.lr_schedule: ppo.lr_schedule is "square": one of constant`},
	} {
		var text []string
		for _, key := range []string{"base", "seeds", "search", "space"} {
			line := good[key]
			if key == c.key {
				line = c.line
			}
			text = append(text, line)
		}
		if err := os.WriteFile(path, []byte(strings.Join(text, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := Read(path)
		if err == nil {
			err = s.Check()
		}
		if err == nil || !strings.HasPrefix(strings.TrimPrefix(err.Error(), path), c.want) && !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q:\ngot  %v\nwant %s%s", c.line, err, path, c.want)
		}
	}
}

// Presets of the space go under the base, and the sweep has one problem.
func TestPresetsOfTheSpace(t *testing.T) {
	s, err := Parse("s", []byte("base: {preset: tuned, env: {name: compute}, ppo: {envs: 4}}\nseeds: [1]\nsearch: {method: grid}\nspace: {preset: {choices: [auto, paper]}}\n"))
	if err == nil {
		err = s.Check()
	}
	if err != nil {
		t.Fatal(err)
	}
	if n := s.Problems(); n != 1 {
		t.Errorf("%d problems", n)
	}
	bad, err := Parse("s", []byte("base: {env: {name: channels}}\nseeds: [1]\nsearch: {method: grid}\nspace: {preset: {choices: [auto, tuned]}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := bad.Check(); err == nil || !strings.HasPrefix(err.Error(), "s:4: space.preset: preset=tuned: ") || !strings.Contains(err.Error(), "no settings of its own for channels") {
		t.Errorf("error %v", err)
	}
	for i, preset := range []string{"auto", "paper"} {
		want, err := config.LoadOver(preset, "", []string{"env.name=compute", "ppo.envs=4"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Config(s.Space.Assignments(search.Point{float64(i)}))
		if err != nil || !slices.Equal(got.Values(""), want.Values("")) {
			t.Errorf("%s: %v, error %v", preset, got, err)
		}
	}
}

// A setting that one of the algorithms or environments has is allowed, of variants of a benchmark too.
func TestSettingsOfSomeAreAllowed(t *testing.T) {
	for _, text := range []string{
		"base: auto\nspace: {algo.name: {choices: [paspo, cpo]}, algo.cost_limit: {linear: [0, 1]}}\n",
		"base: {preset: paper, algo: {name: cpo}}\nspace: {algo.damping: {linear: [0.1, 1]}, algo.as_published: {choices: [true, false]}}\n",
		"base: {env: {name: portfolio-limited}}\nspace: {env.portfolio.trade_limit: {linear: [0.1, 1]}}\n",
		"base: auto\nspace: {env.name: {choices: [portfolio, compute]}, env.compute.penalty: {linear: [0, 1]}}\n",
	} {
		s, err := Parse("s", []byte(text+"seeds: [1]\nsearch: {method: random, trials: 2}\n"))
		if err == nil {
			err = s.Check()
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Files that a base in the sweep file names are beside that file, as one that is the base is.
func TestFilesOfTheBaseAreBesideTheSweep(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine.yaml"), []byte("entities: [a, b]\ntotal: 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	const text = "base: {env: {name: synthetic, synthetic: {entities: 2, seed: 1}}, constraints: %s}\nseeds: [1]\nsearch: {method: grid}\nspace: {ppo.epochs: {choices: [1]}}\n"
	path := filepath.Join(dir, "s.yaml")
	s, err := Parse(path, fmt.Appendf(nil, text, "mine.yaml"))
	if err == nil {
		err = s.Check()
	}
	if err != nil {
		t.Fatal(err)
	}
	if s, err = Parse(path, fmt.Appendf(nil, text, "yours.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(); err == nil || !strings.HasPrefix(err.Error(), path+":1: base: ") || !strings.Contains(err.Error(), filepath.Join(dir, "yours.yaml")) {
		t.Errorf("error %v", err)
	}
}

// A value that breaks what the base says is named beside it.
func TestValueThatDoesNotFitTheBase(t *testing.T) {
	s, err := Parse("s", []byte("base: {env: {name: synthetic}, ppo: {steps_per_env: 32, minibatch: 512}}\nseeds: [1]\n"+
		"search: {method: grid}\nspace: {ppo.envs: {choices: [16, 8]}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := "s:4: space.ppo.envs: ppo.envs=8: base:1: ppo.minibatch is 512: at most envs * steps_per_env = 256 is allowed; change that in base, or give it values in space that fit"
	if err := s.Check(); err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// A choice that is quoted in the file is the string that it was.
func TestQuotedChoices(t *testing.T) {
	values := []string{"b: #d", "{a: 1}", "it's", " x ", "*a", "a\nb", "é😀 & c: \\", "a long one: " + strings.Repeat("word ", 40), "plain"}
	text, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Parse("s", fmt.Appendf(nil, "base: paper\nseeds: [1]\nsearch: {method: grid}\nspace: {env.python.path: {choices: %s}}\n", text))
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range values {
		c, err := s.Config(s.Space.Assignments(search.Point{float64(k)}))
		if err != nil || c.Env.Python.Path != want {
			t.Errorf("%q is %q, %v", want, c.Env.Python.Path, err)
		}
	}
}

// An integer beyond those that a float64 holds is the one that the file has, for Optuna too.
func TestLargeChoices(t *testing.T) {
	s, err := Parse("s", []byte("base: paper\nseeds: [1]\nsearch: {method: grid}\nspace: {env.synthetic.seed: {choices: [9007199254740992, 9_007_199_254_740_993, 18446744073709551614, 18446744073709551615]}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `"choices":[9007199254740992,9007199254740993,18446744073709551614,18446744073709551615]`
	if got := s.Space[0].Distribution(); !strings.Contains(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestStatistics(t *testing.T) {
	xs := []float64{9, 1, 2, 3, 4, 5, 6, -7}
	for name, want := range map[string]float64{"iqm": (2. + 3 + 4 + 5) / 4, "mean": 23. / 8, "median": 3.5, "worst": -7} {
		if got := (&Objective{Statistic: name}).Of(xs); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

// The sweeps that the documentation shows can be trained.
func TestDocumentedSweeps(t *testing.T) {
	root, err := checkout.Root()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "sweeps.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "```yaml\n")
	text, _, found := strings.Cut(text, "```")
	if !found {
		t.Fatal("docs/sweeps.md shows no sweep")
	}
	s, err := Parse(filepath.Join(root, "sweep.yaml"), []byte(text))
	if err == nil {
		err = s.Check()
	}
	if err != nil {
		t.Errorf("docs/sweeps.md: %v", err)
	}
	if s, err = Read(filepath.Join(root, "examples", "sweep", "portfolio.yaml")); err == nil {
		err = s.Check()
	}
	if err != nil {
		t.Error(err)
	}
}
