package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"paspo/internal/checkout"
	"paspo/internal/long"
	"paspo/internal/run/runfolder"
)

// example builds examples/advertising as a user does, in a module of its own outside this one, and
// returns a function that runs the binary. It skips the test where modules cannot be resolved.
func example(t *testing.T) func(in string, args ...string) (status int, out, errs string) {
	t.Helper()
	root, err := checkout.Root()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "examples", "advertising"))); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "advertising")
	for _, args := range [][]string{{"mod", "edit", "-replace", "paspo=" + root}, {"build", "-ldflags=-s -w", "-o", path, "."}} {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err == nil {
			continue
		}
		for _, missing := range []string{"dial tcp", "no such host", "GOPROXY=off", "module lookup disabled", "i/o timeout"} {
			if strings.Contains(string(out), missing) {
				t.Skipf("SKIPPED: the modules of examples/advertising cannot be had here, so that nothing shows that it builds: %s", out)
			}
		}
		t.Fatalf("examples/advertising (go mod tidy there mends what it requires): %s", out)
	}
	return func(in string, args ...string) (int, string, string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), path, args...)
		var o, e bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Dir = strings.NewReader(in), &o, &e, dir
		cmd.Run()
		return cmd.ProcessState.ExitCode(), o.String(), e.String()
	}
}

// A program with a problem of its own has every command: --env takes the problem's name, its options
// are settings, and its runs work like others.
func TestProblemOfOnesOwn(t *testing.T) {
	long.Test(t)
	own := example(t)
	dir := filepath.Join(t.TempDir(), "run")
	train := []string{"--quiet", "--json", "--set", "debias.points=1000", "--set", "debias.cache_dir=", "--set", "report.episodes=8",
		"--set", "ppo.eval_episodes=4", "--set", "ppo.checkpoint_every=1", "--set", "ppo.checkpoint_seconds=0", "--set", "env.options.days=3"}
	do := func(in string, args ...string) string {
		t.Helper()
		status, out, errs := own(in, args...)
		if status != 0 {
			t.Fatalf("%v: status %d, %s", args, status, errs)
		}
		return out
	}
	do("", append(train, "--steps", "512", "--out", dir)...)
	for _, name := range []string{runfolder.ConfigFile, runfolder.MetricsFile, runfolder.SummaryFile, "learning_curve.png"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	var s struct {
		Env    string
		Steps  int
		Tables []struct{ Rows []struct{ Policy string } }

		Violations  int
		MaxResidual float64 `json:"max_residual"`
	}
	resumed := do("", "--resume", dir, "--steps", "1024", "--quiet", "--json")
	if err := json.Unmarshal([]byte(resumed), &s); err != nil || s.Env != "advertising" || s.Steps != 1024 || len(s.Tables) != 1 || s.Violations != 0 || !(s.MaxResidual <= 1e-9) {
		t.Errorf("resumed: %s", resumed)
	}
	if out := do("", "eval", dir, "--episodes", "4"); !strings.Contains(out, "advertising, 4 episodes") {
		t.Errorf("eval\n%s", out)
	}
	var a struct {
		Action   []float64
		Entities []string
	}
	for _, c := range []struct {
		line string
		room float64
	}{{`{"obs":[0,0,1,0.3],"upper":[1,1,0.3]}`, 0.3}, {`{"obs":[0,0,1,0.9],"upper":[1,1,0.9],"b":[0.2,0]}`, 0.9}} {
		acted := do(c.line, "act", dir)
		if err := json.Unmarshal([]byte(acted), &a); err != nil || len(a.Action) != 3 || strings.Join(a.Entities, " ") != "search social print" || a.Action[2] > c.room+1e-9 {
			t.Errorf("act: %s", acted)
		}
	}
	// Limits that follow the state have to be given where the observation does not determine them.
	for line, want := range map[string]string{
		"[0,0,1,0.3]":                                            `no upper: it follows the state`,
		`{"obs":[0,0,1,0.3],"b":[0.8,0]}`:                        `no upper: it follows the state`,
		`{"obs":[0,0,1,0.3],"upper":[1,1]}`:                      "upper has length 2, the polytope has 3 entities",
		`{"obs":[0,0,1,0.3],"upper":[1,1,1],"total":[1,1]}`:      "total has length 2, the polytope has 1 equalities",
		`{"obs":[0,0,1,0.3],"upper":[1,1,1],"holdings":[0,0,1]}`: "holdings are given, and no constraint has terms that count from holdings",
		`{"obs":[0,0,1,0.3],"up":[1,1,0]}`:                       `unknown field \"up\": obs, b, total, lower, upper, holdings, A, id are allowed`,
		`{"obs":[0],"upper":[1,1,1],"A":[[1],2]}`:                "row 1 of A is no JSON list of numbers",
	} {
		if status, out, _ := own(line, "act", dir); status != 1 || !strings.Contains(out, want) {
			t.Errorf("%s is answered with %s", line, out)
		}
	}
	var said struct {
		Observation, Limits []string
		Reward              string
		Given               bool `json:"limits_are_given"`
	}
	if out := do("", "act", dir, "--describe"); json.Unmarshal([]byte(out), &said) != nil || strings.Join(said.Observation[2:], "|") != "pull of print|room in print" ||
		strings.Join(said.Limits, "|") != "upper" || !said.Given || said.Reward != "what all channels return on the day" {
		t.Errorf("described as %s", out)
	}
	if out := do("", "config", "--env", "synthetic"); !strings.Contains(out, "  # days of a campaign\n    days: 5\n") || !strings.Contains(out, "name: synthetic") {
		t.Errorf("config\n%s", out)
	}
	if out := do("", "compare", "--help"); strings.Contains(out, "train compare") || !strings.Contains(out, " compare --algos paspo,lagrangian,cpo --envs advertising ") {
		t.Errorf("compare --help\n%s", out)
	}
	if out := do("", "compare", "--algos", "paspo", "--seeds", "1", "--steps", "512", "--dry-run"); !strings.Contains(out, "mean on advertising: 1 setting by") {
		t.Errorf("compare\n%s", out)
	}

	// A sweep without an environment's name trains on it. A worker of another binary, whose default
	// is another environment, refuses to train it.
	file, sweep := filepath.Join(t.TempDir(), "s.yaml"), filepath.Join(t.TempDir(), "sweep")
	text := "base: {steps: 512, debias: {points: 2000}}\nseeds: [1]\nsearch: {method: grid}\nspace: {ppo.lr: {choices: [1e-3]}}\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	do("", "sweep", "run", file, "--out", sweep, "--jobs", "0")
	if status, _, errs := command(t, "", "sweep", "work", sweep); status != 78 || !strings.Contains(errs, `env.name is "advertising": portfolio, compute`) {
		t.Errorf("a worker of another binary: status %d, %s", status, errs)
	}
	if out := do("", "sweep", "status", sweep); !strings.Contains(out, "0 of 2 trainings done") {
		t.Errorf("after a worker of another binary\n%s", out)
	}

	if out := do("", "--help"); !strings.Contains(out, "advertising eval [flags]") && !strings.Contains(out, "  advertising --resume") {
		t.Errorf("help\n%s", out)
	}

	if out := do("", "bench", "--help"); !strings.HasPrefix(out, "Measure, on advertising: ") {
		t.Errorf("help of bench\n%s", out)
	}

	// Checkpoints state the environment and its options.
	config := filepath.Join(dir, runfolder.ConfigFile)
	b, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte(strings.Replace(string(b), "days: 3", "days: 4", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	wrong := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(wrong, []byte("env:\n  options:\n    screen: 2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"act", dir}, "its env.options.days is 3, that of this run 4"},
		{[]string{"--config", wrong}, "advertising: " + wrong + ":3: env.options.screen is 2: a number in [0.5, 1] is allowed"},
		{[]string{"--set", "env.options.day=1"}, "unknown key env.options.day; did you mean env.options.days?"},
		{[]string{"--set", "env.options.days=x"}, `env.options.days is "x": an integer is allowed`},
		{[]string{"--env", "x"}, `env.name is "x": advertising, portfolio, compute`},
		{[]string{"--preset", "tuned"}, "there are no settings of its own for advertising"},
		{[]string{"--constraints", "unconstrained"}, "its constraints are its own"},
		{[]string{"--env", "python:nosuch:make"}, "nosuch"},
	} {
		status, out, errs := own("", c.args...)
		if status != 1 || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("%v: status %d, %q, %s", c.args, status, out, errs)
		}
	}
}
