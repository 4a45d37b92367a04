package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"paspo/cli"
	"paspo/internal/checkout"
	"paspo/internal/run/agent"
	"paspo/internal/run/runfolder"
	"paspo/rl"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == sweepCommand {
		cli.Main(nil) // this program too is what trains the sweeps
	}
	os.Exit(m.Run())
}

func TestSeeds(t *testing.T) {
	for _, x := range seedsOf(tuningSeeds) {
		for _, y := range seedsOf(reportSeeds) {
			if x == y {
				t.Errorf("seed %d is tuned and reported on", x)
			}
		}
	}
}

// What was trained once is not trained again, anything that changes numbers makes another
// training of it, and each is the single run of its configuration.
func TestTrainings(t *testing.T) {
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
	runs := func() []string {
		t.Helper()
		all, err := filepath.Glob(filepath.Join(dir, "*", "runs", "*", runfolder.MetricsFile))
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	small := []string{"--set", "ppo.steps_per_env=8", "--set", "ppo.minibatch=32", "--set", "debias.points=1000"}
	first := tried(small...)
	if !strings.HasPrefix(first, "synthetic, 64 steps, seeds 1..2, tuned ppo.steps_per_env=8 ppo.minibatch=32 debias.points=1000: ") || strings.Count(first, "\n") != 1 || len(runs()) != 2 {
		t.Fatalf("%q, %v", first, runs())
	}
	before := modified(t, runs())
	if again := tried(small...); again != first || modified(t, runs()) != before {
		t.Errorf("%q after %q, or trained again", again, first)
	}
	if testing.Short() {
		return // the goroutines of all that follows have run by now
	}
	one := filepath.Dir(runs()[0])
	c, err := agent.ReadConfig(one, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	alone, err := agent.Start(c, filepath.Join(t.TempDir(), "alone"))
	if err != nil {
		t.Fatal(err)
	}
	defer alone.Close()
	if err := alone.Train(context.Background(), func(rl.Metrics) {}); err != nil {
		t.Fatal(err)
	}
	swept, err := agent.ReadCheckpoint(one, agent.Latest)
	if err != nil || !reflect.DeepEqual(swept.Policy, alone.Trainer.Checkpoint().Policy) {
		t.Errorf("the policy of %s is not that of a single run: %v", one, err)
	}
	tried(append(small, "--set", "ppo.lr=1e-4", "--jobs", "1")...)
	if len(runs()) != 4 {
		t.Errorf("%v, want 4", runs())
	}
	if got := tried(append(small, "--with", "ppo.lr=1e-4")...); strings.Count(got, "\n") != 2 || len(runs()) != 4 {
		t.Errorf("%q, %v, want 4 trainings", got, runs())
	}
}

func modified(t *testing.T, files []string) (all string) {
	t.Helper()
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		all += f + info.ModTime().String()
	}
	return all
}
