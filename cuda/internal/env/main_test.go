package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func toolkit(t *testing.T, version string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "with space")
	if err := os.MkdirAll(filepath.Join(dir, "include"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "include", "cuda.h"), []byte("/* */\n#define CUDA_VERSION "+version+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestHeader(t *testing.T) {
	old, v12, v13 := toolkit(t, "11080"), toolkit(t, "12000"), toolkit(t, "13000")
	for name, c := range map[string]struct {
		home     string
		toolkits []string
		want     string
	}{
		"home before toolkits":   {v13, []string{v12}, v13 + "/include"},
		"the first toolkit":      {"", []string{t.TempDir(), v12, v13}, v12 + "/include"},
		"an old one is passed":   {"", []string{old, v13}, v13 + "/include"},
		"none":                   {"", []string{old, t.TempDir()}, ""},
		"home without a header":  {t.TempDir(), []string{v12}, "CUDA_HOME="},
		"home with an old one":   {old, []string{v12}, "CUDA_HOME="},
		"home that is not there": {"/nonexistent", []string{v12}, "CUDA_HOME="},
	} {
		got, err := header(c.home, c.toolkits)
		if strings.HasPrefix(c.want, "CUDA_HOME") {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		} else if err != nil || got != c.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// A shell gets the flags as they were meant, and a second time changes nothing.
func TestSettingsInAShell(t *testing.T) {
	home := toolkit(t, "12040")
	env := map[string]string{"CUDA_HOME": home, "CGO_CFLAGS": "-O1 -DIT='1'"}
	for range 2 {
		text, err := settings(func(name string) string { return env[name] }, nil, true)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"CGO_CFLAGS", "CGO_LDFLAGS"} {
			out, err := exec.Command("sh", "-c", text+`printf %s "$`+name+`"`).Output()
			if err != nil {
				t.Fatal(err)
			}
			env[name] = string(out)
		}
		if want := `"-I` + home + `/include" -O1 -DIT='1'`; !strings.HasSuffix(env["CGO_CFLAGS"], want) || strings.Count(env["CGO_CFLAGS"], home) != 1 {
			t.Errorf("CGO_CFLAGS is %s", env["CGO_CFLAGS"])
		}
		if !strings.HasSuffix(env["CGO_LDFLAGS"], "/cuda/internal/driver/lib -O2 -g") {
			t.Errorf("CGO_LDFLAGS is %s", env["CGO_LDFLAGS"])
		}
	}
}
