package config

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"paspo/envs"
	"paspo/envs/benchmarks"
	"paspo/lp"
)

// ownOptions are options of a problem that a program adds.
type ownOptions struct {
	Days  int       `yaml:"days" doc:"days of an episode"`
	Costs []float64 `yaml:"costs"`
	More  struct {
		Data string `yaml:"data" doc:"file of what is sold" file:"true"`
	} `yaml:"more"`
}

type ownProblem struct{ o ownOptions }

func (p ownProblem) Spec() envs.Spec {
	polytope, _ := lp.New(lp.Description{Entities: []string{"a", "b"}, Total: 1})
	return envs.Spec{Name: "mine", ObsDim: 1, Polytope: polytope}
}
func (p ownProblem) New() envs.Env { return ownEnv{} }
func (p ownProblem) Options() any  { return &ownOptions{Days: 7} }
func (p ownProblem) Configure(options any) (envs.Problem, error) {
	p.o = *options.(*ownOptions)
	if p.o.Days < 1 {
		return nil, fmt.Errorf("days is %d: an integer of at least 1 is allowed", p.o.Days)
	}
	if len(p.o.Costs) > 2 {
		return nil, errors.New("too many costs")
	}
	return p, nil
}

type ownEnv struct{}

func (ownEnv) Reset(*rand.Rand, []float64)                           {}
func (ownEnv) Step(*rand.Rand, []float64, []float64) (float64, bool) { return 0, true }

// Options of a problem that a program adds are settings like all others. The test runs in a process
// of its own, since a problem is added to the process.
func TestOptionsOfOnesOwn(t *testing.T) {
	const alone = "PASPO_TEST_ALONE"
	if os.Getenv(alone) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestOptionsOfOnesOwn$", "-test.v")
		cmd.Env = append(os.Environ(), alone+"=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	if err := benchmarks.Register(ownProblem{}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "c.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("env:\n  options:\n    days: 3\n    costs: [1, 2.5]\n    more: {data: sold.csv}\n")
	c, err := Load(file, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	o := c.Env.Options.(*ownOptions)
	if c.Env.Name != "mine" || o.Days != 3 || len(o.Costs) != 2 || o.More.Data != filepath.Join(dir, "sold.csv") {
		t.Errorf("%s %+v", c.Env.Name, o)
	}
	// The configuration of a run names a copy of the file, and other configurations do not change.
	if err := os.WriteFile(o.More.Data, []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	saved := map[string]string{}
	copied, err := c.WithCopies(func(name string, data []byte) error {
		saved[name] = string(data)
		return nil
	})
	if err != nil || len(saved) != 1 || saved["options_more_data.csv"] != "1\n" {
		t.Errorf("saved %q, error %v", saved, err)
	}
	if got := copied.Env.Options.(*ownOptions).More.Data; got != "options_more_data.csv" || o.More.Data != filepath.Join(dir, "sold.csv") {
		t.Errorf("the copy names %s, the original %s", got, o.More.Data)
	}
	if f := c.Files()["env.options.more.data"]; f != o.More.Data {
		t.Errorf("files %v", c.Files())
	}
	var b strings.Builder
	if err := copied.Write(&b); err != nil {
		t.Fatal(err)
	}
	if want := "  options:\n    # days of an episode\n    days: 3\n    costs: [1, 2.5]\n    more:\n      # file of what is sold\n      data: options_more_data.csv\n"; !strings.Contains(b.String(), want) {
		t.Errorf("written\n%s", b.String())
	}
	write(b.String())
	if again, err := Load(file, nil, nil); err != nil || again.Env.Options.(*ownOptions).Days != 3 {
		t.Errorf("read back: %v", err)
	}
	for _, bad := range []struct{ text, set, want string }{
		{"env: {options: {day: 3}}", "", "c.yaml:1: unknown key env.options.day; did you mean env.options.days?"},
		{"env:\n  options:\n    days: 0", "", "c.yaml:3: env.options.days is 0: an integer of at least 1 is allowed"},
		{"env:\n  options:\n    days: x", "", `c.yaml:3: env.options.days is "x": an integer is allowed`},
		{"env: {options: 3}", "", `c.yaml:1: env.options is "3": a mapping of settings is allowed`},
		{"env: {options: {costs: [1, 2, 3]}}", "", "c.yaml:1: env.options are refused: too many costs"},
		{"", "env.options.more.data.x=1", "unknown key env.options.more.data.x"},
		{"", "env.options.days=0", "--set env.options.days=0: env.options.days is 0"},
	} {
		write(bad.text)
		var set []string
		if bad.set != "" {
			set = []string{bad.set}
		}
		if _, err := Load(file, set, nil); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%q %q: %v, want %s", bad.text, bad.set, err, bad.want)
		}
	}
	if d := Default().Env.Options.(*ownOptions); d.Days != 7 {
		t.Errorf("defaults are %+v after all that", d)
	}
	if c, err := Load("", nil, []Setting{{"--env", "env.name", "synthetic"}}); err != nil || c.Env.Name != "synthetic" {
		t.Errorf("a benchmark beside it: %v", err)
	}
}

// The error for the options of another program's environment says what they are.
func TestOptionsOfAnotherBinary(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte("env: {name: elsewhere, options: {days: 3}}"), 0o644); err != nil {
		t.Fatal(err)
	}
	const want = "c.yaml:1: unknown key env.options: options are those of an environment that a program adds"
	if _, err := Load(file, nil, nil); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %s", err, want)
	}
}
