package agent

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"paspo/internal/checkout"
	"paspo/internal/run/config"
	"paspo/internal/run/runfolder"
	"paspo/rl"
)

func small(t *testing.T) *config.Config {
	t.Helper()
	c, err := config.Load("", []string{
		"env.name=synthetic", "steps=1024", "debias.enabled=false", "ppo.epochs=1", "ppo.eval_every=0", "ppo.checkpoint_every=0",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A run that is killed before its first checkpoint goes on from its initial
// policy.
func TestResumeFromInitial(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	r, err := Start(small(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	err = r.Train(ctx, func(rl.Metrics) { cancel() })
	r.Close()
	if err == nil {
		t.Fatal("training was not interrupted")
	}
	numbered, _ := checkout.Files(filepath.Join(dir, "checkpoints"), "iteration-*")
	for _, p := range numbered {
		os.Remove(p)
	}
	if r, err = Resume(dir, nil, nil); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.Trainer.Iteration() != 0 {
		t.Errorf("resumed at iteration %d", r.Trainer.Iteration())
	}
	if err := r.Train(context.Background(), func(rl.Metrics) {}); err != nil {
		t.Fatal(err)
	}
	if c, err := ReadCheckpoint(dir, Latest); err != nil || c.Iteration != 2 {
		t.Errorf("checkpoint %+v, %v", c, err)
	}
	r.Close()
	if r, err = Resume(dir, nil, nil); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	parts, err := runfolder.Parts(dir)
	if err != nil || len(parts) != 3 {
		t.Fatalf("trained by %+v, %v", parts, err)
	}
	for i, p := range parts {
		if p.Origin != runfolder.This() || !strings.HasPrefix(p.Command, runfolder.Quote(os.Args[0])) || p.Step != []int64{0, 0, 1024}[i] || time.Since(p.Time) > time.Hour {
			t.Errorf("process %d: %+v", i, p)
		}
	}
}

func TestFailedStartLeavesNothing(t *testing.T) {
	c := small(t)
	c.PPO.EvalEvery, c.PPO.EvalEpisodes = 1, 0 // an error of the trainer, which is made last
	for _, existing := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "run")
		if existing {
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Start(c, dir); err == nil {
			t.Fatal("no error")
		}
		entries, err := os.ReadDir(dir)
		if len(entries) > 0 || existing != (err == nil) {
			t.Errorf("left behind: %v, %v", entries, err)
		}
	}
	t.Chdir(t.TempDir())
	for _, dir := range []string{"", filepath.Join("all", "of", "mine")} {
		if _, err := Start(c, dir); err == nil {
			t.Fatal("no error")
		}
		if entries, err := os.ReadDir("."); len(entries) > 0 || err != nil {
			t.Errorf("a start in %q left behind: %v, %v", dir, entries, err)
		}
	}
}

func TestResumeRefusesOtherSettings(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	r, err := Start(small(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Train(context.Background(), func(rl.Metrics) {}); err != nil {
		t.Fatal(err)
	}
	r.Close()
	before, _ := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
	for set, want := range map[string]string{
		"ppo.lr=0.5":            "its ppo.lr is 0.001, that of this run 0.5",
		"env.name=compute":      "its problem is synthetic, that of this run compute",
		"seed=7":                "its seed is 1, that of this run 7",
		"policy.latent=8":       "its policy.latent is 32, that of this run 8",
		"device=gpu":            "device gpu: cuda: ",
		"constraints=missing.x": "missing.x",
	} {
		_, err := Resume(dir, []string{set}, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", set, err)
		}
	}
	if after, _ := os.ReadFile(filepath.Join(dir, "metrics.jsonl")); string(after) != string(before) {
		t.Error("a refused resumption changed the run")
	}
}

// A resumed run is evaluated as before, by the rule and on the episodes that its best checkpoint was
// chosen by. Before the first evaluation nothing was chosen.
func TestResumedRunKeepsItsEvaluations(t *testing.T) {
	quiet(t)
	dir, unevaluated := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	c := tiny(t)
	if err := goOn(c, dir); err != nil {
		t.Fatal(err)
	}
	for _, change := range []string{"ppo.deterministic_action=mode", "ppo.eval_episodes=3", "ppo.eval_seed=1"} {
		key, _, _ := strings.Cut(change, "=")
		r, err := Resume(dir, []string{change, "steps=64"}, nil)
		if err == nil {
			r.Close()
			t.Errorf("%s: the best checkpoint was chosen otherwise", change)
		} else if !strings.HasPrefix(err.Error(), key+" is ") {
			t.Errorf("%s: %v", change, err)
		}
	}
	c.PPO.EvalEvery = 0
	if err := goOn(c, unevaluated); err != nil {
		t.Fatal(err)
	}
	for run, changes := range map[string][]string{
		dir:         {"ppo.eval_every=1", "ppo.eval_max_steps=20", "steps=64"},
		unevaluated: {"ppo.eval_every=1", "ppo.deterministic_action=mode", "ppo.eval_seed=1", "steps=64"},
	} {
		r, err := Resume(run, changes, nil)
		if err != nil {
			t.Errorf("%v: %v", changes, err)
			continue
		}
		r.Close()
	}
}

// The tables at the end play no trajectory that training plays.
func TestTablesHaveOtherTrajectories(t *testing.T) {
	for seed, refused := range map[string]bool{"1": true, "2": false} {
		c, err := config.Load("", []string{"env.name=portfolio", "env.portfolio.mode=presampled", "debias.enabled=false", "report.seed=" + seed}, nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Start(c, filepath.Join(t.TempDir(), "run"))
		if err == nil {
			r.Close()
		}
		if refused != (err != nil && strings.HasPrefix(err.Error(), "report.seed is 1, ")) {
			t.Errorf("report.seed %s: %v", seed, err)
		}
	}
}
