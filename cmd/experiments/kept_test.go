package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"paspo/internal/checkout"
)

func TestSeeds(t *testing.T) {
	for _, x := range seedsOf(tuningSeeds) {
		for _, y := range seedsOf(reportSeeds) {
			if x == y {
				t.Errorf("seed %d is tuned and reported on", x)
			}
		}
	}
}

// What was trained once is not trained again, and anything that changes numbers
// makes another training of it.
func TestKeptTrainings(t *testing.T) {
	root, err := checkout.Root()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(root)
	dir := t.TempDir()
	tried := func(args ...string) string {
		t.Helper()
		var b bytes.Buffer
		c := command()
		c.SetArgs(append([]string{"learning", "--env", "synthetic", "--seeds", "1..2", "--steps", "64", "--keep", dir}, args...))
		c.SetOut(&b)
		c.SetErr(io.Discard)
		if err := c.ExecuteContext(context.Background()); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	count := func() int {
		t.Helper()
		all, err := filepath.Glob(filepath.Join(dir, "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	small := []string{"--set", "ppo.steps_per_env=8", "--set", "ppo.minibatch=32"}
	first := tried(small...)
	if !strings.HasPrefix(first, "synthetic, 64 steps, seeds 1..2, tuned ppo.steps_per_env=8 ppo.minibatch=32: ") || strings.Count(first, "\n") != 1 || count() != 2 {
		t.Fatalf("%q, %d trainings", first, count())
	}
	before := modified(t, dir)
	if again := tried(small...); again != first || modified(t, dir) != before {
		t.Errorf("%q after %q, or trained again", again, first)
	}
	tried(append(small, "--set", "ppo.lr=1e-4", "--jobs", "1")...)
	if count() != 4 {
		t.Errorf("%d trainings, want 4", count())
	}
	if got := tried(append(small, "--with", "ppo.lr=1e-4")...); strings.Count(got, "\n") != 2 || count() != 4 {
		t.Errorf("%q, %d trainings, want 4", got, count())
	}
}

func modified(t *testing.T, dir string) (all string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		all += e.Name() + info.ModTime().String()
	}
	return all
}
