package limits_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"paspo/internal/checkout"
)

// Whatever lies in a run's or a user's folder may be larger than the memory. The files that
// are read whole all the same are those of the system and of this project.
func TestFilesAreReadWithALimit(t *testing.T) {
	root, err := checkout.Root()
	if err != nil {
		t.Fatal(err)
	}
	ours := []string{
		"cmd/experiments/", "cmd/gpu-check/", "cuda/internal/env/", "kernels/internal/genptx/", "internal/cudatest/", "internal/image/",
		"internal/sweep/slurmtest/", "internal/sweep/run.go: /proc/meminfo", "internal/sweep/journal/process.go: /proc", "internal/limits/",
	}
	seen := 0
	err = filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		for line := range bytes.Lines(text) {
			whole := bytes.Contains(line, []byte("os.ReadFile(")) || bytes.Contains(line, []byte("io.ReadAll(")) && !bytes.Contains(line, []byte("io.LimitReader("))
			if !whole {
				continue
			}
			seen++
			allowed := false
			for _, o := range ours {
				file, text, one := strings.Cut(o, ": ")
				allowed = allowed || strings.HasPrefix(filepath.ToSlash(name), file) && (!one || bytes.Contains(line, []byte(text)))
			}
			if !allowed {
				t.Errorf("%s reads a file whatever its size: limits.ReadFile does not\n%s", name, line)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen == 0 {
		t.Error("nothing reads a file: the test looks in the wrong place")
	}
}
