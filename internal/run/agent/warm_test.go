package agent

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"paspo/internal/long"
	"paspo/internal/run/config"
	"paspo/internal/run/runfolder"
	"paspo/rl"
)

// warmed returns the configuration tiny with another limit of its row, and a warm start from a run.
func warmed(t *testing.T, from string) *config.Config {
	t.Helper()
	c := tiny(t)
	if err := os.WriteFile(c.Constraints, []byte("entities: [A, B, C]\ntotal: 1\nconstraints: [A + 2*B <= 1.25]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c.From, c.PPO.NormalizeObs = from, rl.NormalizeOn
	return c
}

func checkpoint(t *testing.T, dir, which string) *rl.Checkpoint {
	t.Helper()
	c, err := ReadCheckpoint(dir, which)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A warm start takes the parameters and statistics of another run with another polytope, and a new
// optimiser. The run resumes to the same bits wherever it was interrupted, also where the other run
// has been removed.
func TestWarmStart(t *testing.T) {
	long.Test(t)
	quiet(t)
	root := t.TempDir()
	a, b := filepath.Join(root, "a"), filepath.Join(root, "b")
	first := tiny(t)
	first.PPO.NormalizeObs = rl.NormalizeOn
	if err := goOn(first, a); err != nil {
		t.Fatal(err)
	}
	source := checkpoint(t, a, Latest)
	c := warmed(t, a)
	r, err := Start(c, b)
	if err != nil {
		t.Fatal(err)
	}
	if w := r.Warm; w == nil || w.Checkpoint != source.Path || w.Iteration != 4 || w.Steps != 32 || w.Observations != 32 ||
		len(w.Differences) != 1 || w.Differences[0] != "its inequality 1 is A + 2*B <= 1, that of this run A + 2*B <= 1.25" {
		t.Errorf("taken: %+v", r.Warm)
	}
	if r.Agent.Fit != nil {
		t.Error("a start that is not used was fitted")
	}
	summary := *r.Warm
	if err := r.Train(context.Background(), func(rl.Metrics) {}); err != nil {
		t.Fatal(err)
	}
	if s, err := r.Finish(context.Background()); err != nil || !reflect.DeepEqual(*s.Warm, summary) {
		t.Errorf("the summary has %+v, %v", s, err)
	}
	r.Close()

	begun := checkpoint(t, b, Initial)
	if !reflect.DeepEqual(begun.Policy.Params, source.Policy.Params) || !reflect.DeepEqual(begun.Policy.Normalizer, source.Policy.Normalizer) {
		t.Error("it did not begin with the other run's parameters and statistics")
	}
	if begun.Iteration != 0 || begun.Policy.Step != 0 {
		t.Errorf("it began at iteration %d with %d gradient steps", begun.Iteration, begun.Policy.Step)
	}
	for _, moment := range begun.Policy.M {
		for _, x := range moment.Data {
			if x != 0 {
				t.Fatalf("%s of the optimiser began with %v", moment.Name, x)
			}
		}
	}
	want := checkpoint(t, b, Latest)
	if want.Policy.Normalizer.Seen.Count != 64 || reflect.DeepEqual(want.Policy.Params, begun.Policy.Params) {
		t.Errorf("it has seen %v observations", want.Policy.Normalizer.Seen.Count)
	}

	// Stopped after an iteration, and killed before the first checkpoint.
	for stop := range 2 {
		dir := filepath.Join(root, "stopped")
		r, err := Start(c, dir)
		if err != nil {
			t.Fatal(err)
		}
		if stop == 1 {
			ctx, cancel := context.WithCancel(context.Background())
			if err := r.Train(ctx, func(rl.Metrics) { cancel() }); err == nil {
				t.Fatal("not interrupted")
			}
		}
		r.Close()
		moved := filepath.Join(root, "moved")
		if err := os.Rename(a, moved); err != nil {
			t.Fatal(err)
		}
		if r, err = Resume(dir, nil, nil); err != nil {
			t.Fatal(err)
		}
		if r.Trainer.Iteration() != stop || !reflect.DeepEqual(*r.Warm, summary) {
			t.Errorf("resumed at iteration %d, with %+v", r.Trainer.Iteration(), r.Warm)
		}
		if err := r.Train(context.Background(), func(rl.Metrics) {}); err != nil {
			t.Fatal(err)
		}
		r.Close()
		for _, name := range []string{"initial.safetensors", "iteration-00000004.safetensors"} {
			x, errX := os.ReadFile(filepath.Join(dir, runfolder.CheckpointDir, name))
			y, errY := os.ReadFile(filepath.Join(b, runfolder.CheckpointDir, name))
			if errX != nil || errY != nil || !bytes.Equal(x, y) {
				t.Errorf("stop %d: %s differs (%v, %v)", stop, name, errX, errY)
			}
		}
		os.RemoveAll(dir)
		if err := os.Rename(moved, a); err != nil {
			t.Fatal(err)
		}
	}

	// A resumed run cannot have another start.
	if _, err := Resume(b, []string{"from=" + a}, nil); err == nil || !strings.Contains(err.Error(), "only a new run") {
		t.Errorf("another start of the same run: %v", err)
	}
	// Training from a file of a checkpoint, without a folder, is the same.
	c.From = source.Path
	all, err := Together(context.Background(), []*config.Config{c})
	if err != nil || all[0].Err != nil || !reflect.DeepEqual(all[0].Checkpoint.Policy, want.Policy) {
		t.Errorf("without a folder it learned something else (%v)", err)
	}
}

// A checkpoint that does not fit is an error that names the difference, and leaves no folder.
func TestWarmStartRefuses(t *testing.T) {
	quiet(t)
	root := t.TempDir()
	a, b := filepath.Join(root, "a"), filepath.Join(root, "b")
	if err := goOn(tiny(t), a); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*config.Config){
		"its policy.latent is 4, that of this run 8":                                     func(c *config.Config) { c.Policy.Latent = 8 },
		"its policy.heads is [4], that of this run":                                      func(c *config.Config) { c.Policy.Heads = []int{4, 4} },
		"its number of entities is 3, that of this":                                      func(c *config.Config) { c.Constraints, c.Env.Synthetic.Entities = "", 7 },
		"its observations have 3 components, those of":                                   func(c *config.Config) { c.Env.Synthetic.States = 3 },
		"trained on observations that are not standardised, this run's are standardised": func(c *config.Config) { c.PPO.NormalizeObs = rl.NormalizeOn },
		"was trained by paspo, and algo.name is ppo: a run of the same algorithm is":     func(c *config.Config) { c.Algo.Name = "ppo" },
		" is no run: it has no config.yaml":                                              func(c *config.Config) { c.From = root },
		"from: cannot read checkpoint ":                                                  func(c *config.Config) { c.From = b },
		"config.yaml is damaged":                                                         func(c *config.Config) { c.From = filepath.Join(a, runfolder.ConfigFile) },
	} {
		c := tiny(t)
		c.From = a
		change(c)
		_, err := Start(c, b)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
		if _, err := os.Stat(b); err == nil {
			t.Errorf("%q: a folder is left", want)
		}
	}
}

// A warm start names the settings by which the same parameters have other values.
func TestWarmStartNamesWhatDiffers(t *testing.T) {
	quiet(t)
	a, b := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	c := tiny(t)
	if err := goOn(c, a); err != nil {
		t.Fatal(err)
	}
	c.From, c.PPO.Gamma, c.Env.Synthetic.Seed, c.Debias.Concentration = a, 0.5, 2, 0.3
	r, err := Start(c, b)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	want := []string{"its ppo.gamma is 1, that of this run 0.5", "its env.synthetic.seed is 1, that of this run 2",
		"its settings of debias are others, and those of this run have no effect: nothing is fitted"}
	if !slices.Equal(r.Warm.Differences, want) {
		t.Errorf("differences %q, want %q", r.Warm.Differences, want)
	}
}
