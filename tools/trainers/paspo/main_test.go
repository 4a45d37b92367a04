package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"paspo/policy"
)

func TestTrace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trace.json")
	if err := run(64, 1, 32, 0, path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var trace struct {
		Before, After []policy.Tensor
		Batch         policy.Batch
		Steps         []policy.Diagnostics
	}
	if err := json.Unmarshal(text, &trace); err != nil {
		t.Fatal(err)
	}
	if trace.Batch.Rows != rows || len(trace.Before) == 0 || len(trace.After) != len(trace.Before) || len(trace.Steps) != told {
		t.Errorf("%d rows, %d and %d parameters, %d steps", trace.Batch.Rows, len(trace.Before), len(trace.After), len(trace.Steps))
	}
	if err := run(48, 1, 32, 0, path); err == nil {
		t.Error("a minibatch that does not divide the rollout is taken")
	}
}

// What needs packages that are not here is compiled alone.
func TestScripts(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("SKIPPED: no python3 reads the scripts")
	}
	scripts, err := filepath.Glob("../*.py")
	if err != nil || len(scripts) < 4 {
		t.Fatal(scripts, err)
	}
	for _, s := range scripts {
		if out, err := exec.Command(python, "-c", "import sys; compile(open(sys.argv[1]).read(), sys.argv[1], 'exec')", s).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", s, err, out)
		}
	}
	if out, err := exec.Command(python, "../compare.py", "--help").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := exec.Command(python, "../compare.py", "--threads", "0").CombinedOutput(); err == nil {
		t.Errorf("no threads are taken:\n%s", out)
	}
}
