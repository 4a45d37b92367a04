package cli

import (
	"encoding/json"
	"os"
	"paspo/internal/long"
	"path/filepath"
	"strings"
	"testing"
)

// A comparison is a sweep that ends with a table by environment and algorithm.
func TestCompare(t *testing.T) {
	long.Test(t)
	t.Setenv("PASPO_TEST_RUN", "1") // workers are processes of this binary
	dir := filepath.Join(t.TempDir(), "c")
	out := succeed(t, "", "compare", "--algos", "ppo,optlayer", "--envs", "synthetic", "--seeds", "2", "--steps", "512", "--jobs", "2", "--out", dir)
	_, table, _ := strings.Cut(out, "processor s a seed\n")
	lines := strings.Split(strings.TrimSpace(table), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[2], "Intervals of fewer than 5 seeds are too narrow") {
		t.Fatalf("the table is %q", out)
	}
	for _, line := range lines[:2] {
		f := strings.Fields(line)
		if f[0] != "synthetic" || f[2] != "2" || (f[1] == "optlayer") != (f[len(f)-3] == "0") {
			t.Errorf("line %q", line)
		}
	}
	again := succeed(t, "", "compare", "--resume", dir)
	if _, same, _ := strings.Cut(again, "processor s a seed\n"); same != table {
		t.Errorf("resumed it says %q, before %q", same, table)
	}
}

// --as-published gives every algorithm of the comparison its own faults.
func TestCompareAsPublished(t *testing.T) {
	long.Test(t)
	t.Setenv("PASPO_TEST_RUN", "1")
	dir := filepath.Join(t.TempDir(), "c")
	succeed(t, "", "compare", "--algos", "optlayer,ipo", "--envs", "synthetic", "--seeds", "1", "--steps", "512", "--as-published", "--out", dir)
	for _, name := range []string{"optlayer", "ipo"} {
		files, err := filepath.Glob(filepath.Join(dir, "runs", "*", "config.yaml"))
		if err != nil || len(files) != 2 {
			t.Fatalf("runs %v, %v", files, err)
		}
		var found bool
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			found = found || strings.Contains(string(b), "name: "+name) && strings.Contains(string(b), "as_published: \"true\"")
		}
		if !found {
			t.Errorf("no run of %s has its faults", name)
		}
	}
	refused(t, "no fault is known of paspo", "", "compare", "--algos", "optlayer,paspo", "--seeds", "1", "--as-published", "--out", filepath.Join(t.TempDir(), "d"))
}

func TestCompareRefusals(t *testing.T) {
	for want, args := range map[string][]string{
		`--algos has "pp": paspo, ppo`:   {"--algos", "pp", "--out", "x"},
		`--envs has "x": `:               {"--envs", "x", "--out", "x"},
		"--seeds is 0: an integer of at": {"--seeds", "0", "--out", "x"},
		"--out is missing":               {"--algos", "ppo"},
		"ray-mask: it serves one polytope, and limits of factor follow the state (A)": {"--algos", "paspo,ray-mask", "--envs", "factor", "--out", "x"},

		"no/such.yaml: no such file or directory":                           {"--constraints", "no/such.yaml", "--out", "x"},
		"--constraints cannot be given with a file or a folder, which says": {"c.yaml", "--constraints", "l.yaml", "--out", "x"},
		"--steps cannot be given with a file or a folder, which says":       {"--resume", "c", "--steps", "5"},

		"--jobs is 0: an integer of at least": {"--jobs", "0"},
		"steps is -1":                         {"--steps", "-1", "--out", filepath.Join(t.TempDir(), "c")},
	} {
		refused(t, want, "", append([]string{"compare"}, args...)...)
	}
}

// An environment in Python is compared under a file of constraints, of which the folder has a copy.
func TestCompareOnPython(t *testing.T) {
	long.Test(t)
	interpreter := pythonWithNumPy(t)
	t.Setenv("PASPO_TEST_RUN", "1")
	bin, dir := t.TempDir(), filepath.Join(t.TempDir(), "c")
	if err := os.WriteFile(filepath.Join(bin, "python3"), []byte("#!/bin/sh\nexec "+interpreter+" \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(bin, "limits.yaml")
	if err := os.WriteFile(file, []byte("constraints: [a0 + a1 <= -0.5]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Chdir(filepath.Join("..", "envs", "python", "testdata"))
	args := []string{"compare", "--algos", "paspo,projection", "--envs", "python:tiny:Target", "--seeds", "1", "--steps", "512", "--constraints", file, "--out", dir}
	out := succeed(t, "", args...)
	_, table, _ := strings.Cut(out, "processor s a seed\n")
	if lines := strings.Split(strings.TrimSpace(table), "\n"); len(lines) != 2 || !strings.HasPrefix(lines[0], "python:tiny:Target ") {
		t.Errorf("the table is %q", out)
	}
	runs, err := filepath.Glob(filepath.Join(dir, "runs", "*", "constraints.yaml"))
	if err != nil || len(runs) != 2 {
		t.Fatalf("copies %v, %v", runs, err)
	}
	if shown := succeed(t, "", "constraints", "show", filepath.Dir(runs[0])); !strings.Contains(shown, "-0.5") {
		t.Errorf("the constraints of a run are\n%s", shown)
	}
	refused(t, "--algos and --envs: environment python:tiny:nothing: tiny has no nothing", "", "compare", "--envs", "python:tiny:nothing", "--out", filepath.Join(bin, "d"))
}

// A sweep without algorithms is refused before it trains.
func TestCompareTakesComparisons(t *testing.T) {
	dir := t.TempDir()
	file, out := filepath.Join(dir, "s.yaml"), filepath.Join(dir, "c")
	text := "base: {preset: paper, steps: 512, env: {name: synthetic}}\nseeds: [1]\nsearch: {method: grid}\nspace: {ppo.lr: {choices: [1e-3]}}\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	refused(t, "compares no algorithms: its space has no algo.name", "", "compare", file, "--out", out)
	if all, err := os.ReadDir(filepath.Join(out, "runs")); err != nil || len(all) > 0 {
		t.Errorf("trained: %v, %v", all, err)
	}
}

// With an algorithm that can break constraints act says so, and such actions are errors; with
// --project they are repaired.
func TestActOfAnAlgorithm(t *testing.T) {
	long.Test(t)
	dir := filepath.Join(t.TempDir(), "run")
	succeed(t, "", "--env", "synthetic", "--algo", "ppo", "--steps", "512", "--quiet", "--out", dir,
		"--set", "ppo.eval_every=0", "--set", "report.episodes=2", "--set", "report.starts=2")
	in := strings.Repeat("[1,0,0]\n", 40)
	status, out, errs := command(t, in, "act", dir, "--stochastic")
	if status == 0 || !strings.Contains(errs, "ppo can break constraints") || !strings.Contains(out, "violates") {
		t.Errorf("status %d, %q, %q", status, out, errs)
	}
	status, out, errs = command(t, in, "act", dir, "--stochastic", "--project")
	if status != 0 || strings.Contains(errs, "repaired: 0") || !strings.Contains(errs, "actions that were repaired: ") {
		t.Errorf("status %d, %q", status, errs)
	}
	for line := range strings.Lines(out) {
		var answer struct{ Residual float64 }
		if err := json.Unmarshal([]byte(line), &answer); err != nil || answer.Residual > 1e-9 {
			t.Errorf("answer %s, %v", line, err)
		}
	}
	refused(t, "algo.name is ppo: policies of paspo alone can be exported", "", "export", dir, "--onnx", filepath.Join(t.TempDir(), "x.onnx"))
}
