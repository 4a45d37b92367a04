package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"paspo/internal/checkout"
)

// The clients of docs/serving.md work as it says.
func TestServingClients(t *testing.T) {
	run, _ := finished(t)
	root, err := checkout.Root()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "docs", "serving.md"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	obs := "[100,1" + strings.Repeat(",0", 25) + "]"
	for name, content := range map[string]string{
		"bin/train":          fmt.Sprintf("#!/bin/sh\nPASPO_TEST_RUN=1 exec '%s' \"$@\"\n", os.Args[0]),
		"observations.jsonl": obs + "\n[1]\n" + obs + "\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "runs"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(run, filepath.Join(dir, "runs", "mine")); err != nil {
		t.Fatal(err)
	}
	client := func(language, mark, program, tool string) string {
		for _, block := range strings.Split(string(text), "```"+language+"\n")[1:] {
			code, _, _ := strings.Cut(block, "```")
			if !strings.Contains(code, mark) {
				continue
			}
			if _, err := exec.LookPath(tool); err != nil {
				t.Logf("SKIPPED: the client in %s: no %s", language, tool)
				return ""
			}
			cmd := exec.Command(program, "-c", code)
			cmd.Dir = dir
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%s: %v\n%s", code, err, out)
			}
			return string(out)
		}
		t.Fatalf("docs/serving.md has no client in %s", language)
		return ""
	}
	var want struct{ Action []float64 }
	if err := json.Unmarshal([]byte(succeed(t, obs, "act", run)), &want); err != nil {
		t.Fatal(err)
	}
	if out := client("python", "subprocess", "python3", "python3"); out != "" && !strings.HasPrefix(out, fmt.Sprintf("{'CASH': %v, 'MSFT': ", want.Action[0])) {
		t.Errorf("the client in Python prints %s", out)
	}
	client("sh", "observations.jsonl", "sh", "jq")
	if b, err := os.ReadFile(filepath.Join(dir, "actions.csv")); err == nil {
		lines := strings.Split(strings.TrimSpace(string(b)), "\n")
		if len(lines) != 3 || lines[0] != lines[2] || strings.Count(lines[0], ",") != 12 || !strings.HasPrefix(lines[1], "line 2: ") {
			t.Errorf("actions.csv holds %s", b)
		}
	}
}
