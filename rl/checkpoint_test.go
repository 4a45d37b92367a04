package rl_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"paspo/internal/safetensors"
	"paspo/ppo"
	"paspo/rl"
	"paspo/rl/internal/checkpoint"
)

func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// A checkpoint says how far training was, and comes out of a file with the same bytes.
func TestCheckpoint(t *testing.T) {
	tr, _ := newFakeTrainer(t, newBandit(t, 1, 2, 3), smallConfig())
	for range 3 {
		if _, err := tr.IterateAndEvaluate(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := tr.Checkpoint().WriteFile(path); err != nil {
		t.Fatal(err)
	}
	c, err := rl.ReadCheckpoint(path)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := checkpoint.Encode(c); err != nil || !bytes.Equal(bytesOf(t, tr), again) {
		t.Errorf("encoding again gives other bytes (%v)", err)
	}
	if c.Iteration != 3 || c.Best.Iteration != 3 || c.Best != tr.Best() || c.Step != tr.Step() {
		t.Errorf("%+v", c)
	}
}

// Whatever a file holds, reading it gives an error or a checkpoint that can be written again and
// given to Restore. The files of the second target have the right checksum, so that the code that
// runs after the check is tested.
func FuzzReadCheckpoint(f *testing.F) {
	b, tr := seedCheckpoint(f)
	f.Add([]byte{})
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := checkpoint.Decode(b); err == nil {
			judge(t, tr, c)
		}
	})
}

func FuzzParseCheckpoint(f *testing.F) {
	b, tr := seedCheckpoint(f)
	good, err := safetensors.Decode(b)
	if err != nil {
		f.Fatal(err)
	}
	head := good.Metadata["trainer"]
	f.Add(head, "", 0, 0, []byte{})
	f.Add(head, "streams", 0, 0, []byte{})
	f.Add(head, "envs", 1, -1, []byte{1, 2, 3})
	f.Add(head, "reward_stats.mean", 2, 8, make([]byte, 16))
	f.Add(`{"iteration":-1}`, "discounted", 0, 8, make([]byte, 8))
	f.Fuzz(func(t *testing.T, head, name string, rows, cols int, data []byte) {
		file := &safetensors.File{
			Metadata: map[string]string{"format": good.Metadata["format"], "trainer": head},
			Tensors:  slices.Clone(good.Tensors),
		}
		for i, tensor := range file.Tensors {
			if tensor.Name == name {
				shape := []int{rows, cols}
				if cols < 0 {
					shape = shape[:1]
				}
				file.Tensors[i].Shape, file.Tensors[i].Data = shape, data
			}
		}
		b, err := file.Encode()
		if err != nil {
			return
		}
		file.Metadata["sha256"] = fmt.Sprintf("%x", sha256.Sum256(b))
		if b, err = file.Encode(); err != nil {
			t.Fatal(err)
		}
		switch c, err := checkpoint.Decode(b); {
		case err == nil:
			judge(t, tr, c)
		case strings.Contains(err.Error(), "checksum"):
			t.Error(err)
		}
	})
}

// seedCheckpoint returns the bytes of a checkpoint and a trainer that it fits.
func seedCheckpoint(f *testing.F) ([]byte, *rl.Trainer) {
	tr, err := ppo.New(newBandit(f, 1, 2, 3), newFakeBackend(3, 2), smallConfig(), 7)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(tr.Close)
	b, err := checkpoint.Encode(tr.Checkpoint())
	if err != nil {
		f.Fatal(err)
	}
	return b, tr
}

// judge encodes a checkpoint again and gives it to Restore.
func judge(t *testing.T, tr *rl.Trainer, c *rl.Checkpoint) {
	if _, err := checkpoint.Encode(c); err != nil {
		t.Error(err)
	}
	if err := tr.Restore(c); err == nil {
		if _, err := checkpoint.Encode(tr.Checkpoint()); err != nil {
			t.Error(err)
		}
	}
}

func TestKeepLast(t *testing.T) {
	dir := t.TempDir()
	cfg := smallConfig()
	cfg.CheckpointEvery, cfg.CheckpointKeep, cfg.Steps = 2, 3, 13*int64(cfg.BatchSize())
	tr, _ := newFakeTrainer(t, newBandit(t, 1, 2, 3), cfg)
	var saved []string
	var highest rl.Best
	err := tr.Run(context.Background(), rl.Hooks{
		Checkpoints: dir,
		Saved:       func(p string) { saved = append(saved, filepath.Base(p)) },
		Iteration: func(m rl.Metrics) error {
			if m.Eval == nil {
				return nil
			}
			if r := m.Choice[m.Rule].Mean(); highest.Iteration == 0 || r > highest.Return {
				highest = rl.Best{Return: r, Iteration: m.Iteration}
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if tr.Best() != highest {
		t.Errorf("best is %+v, the highest of all evaluations %+v", tr.Best(), highest)
	}
	want := []string{"best.safetensors", "initial.safetensors",
		"iteration-00000010.safetensors", "iteration-00000012.safetensors", "iteration-00000013.safetensors"}
	if got := files(t, dir); !slices.Equal(got, want) {
		t.Errorf("left %q, want %q", got, want)
	}
	if saved[0] != rl.InitialCheckpoint || saved[len(saved)-1] != want[4] {
		t.Errorf("saved %q", saved)
	}
	best, err := rl.ReadCheckpoint(filepath.Join(dir, rl.BestCheckpoint))
	if err != nil || best.Iteration != tr.Best().Iteration || best.Best != tr.Best() {
		t.Errorf("best is of iteration %d (%v), want %+v", best.Iteration, err, tr.Best())
	}
}

// Before CheckpointSeconds are over, only the last checkpoint, the best one and the one where
// training stops are written.
func TestCheckpointSeconds(t *testing.T) {
	cfg := smallConfig()
	cfg.CheckpointEvery, cfg.CheckpointSeconds, cfg.EvalEvery = 1, 3600, 1
	for _, stop := range []int{0, 7} {
		dir := t.TempDir()
		tr, _ := newFakeTrainer(t, newBandit(t, 1, 2, 3), cfg)
		var saved []string
		stopped := errors.New("stopped")
		err := tr.Run(context.Background(), rl.Hooks{
			Checkpoints: dir,
			Saved:       func(p string) { saved = append(saved, filepath.Base(p)) },
			Iteration: func(m rl.Metrics) error {
				if m.Iteration == stop {
					return stopped
				}
				return nil
			},
		})
		last := cfg.Iterations()
		if stop > 0 {
			if last = stop; !errors.Is(err, stopped) {
				t.Fatal(err)
			}
		} else if err != nil {
			t.Fatal(err)
		}
		if want := []string{rl.InitialCheckpoint, rl.BestCheckpoint, fmt.Sprintf("iteration-%08d.safetensors", last)}; !slices.Equal(saved, want) {
			t.Errorf("stopped at %d: saved %q, want %q", stop, saved, want)
		}
		best, err := rl.ReadCheckpoint(filepath.Join(dir, rl.BestCheckpoint))
		if err != nil || best.Iteration != tr.Best().Iteration {
			t.Errorf("stopped at %d: best is of iteration %d (%v), want %+v", stop, best.Iteration, err, tr.Best())
		}
	}
}

// A run that stops after an iteration and is resumed by another trainer ends with the bytes of a
// run that was not interrupted, whichever iteration it is.
func TestResume(t *testing.T) {
	ctx := context.Background()
	cfg := smallConfig()
	cfg.Steps = 6 * int64(cfg.BatchSize())
	whole, _ := newFakeTrainer(t, newBandit(t, 1, 2, 3), cfg)
	if err := whole.Run(ctx, rl.Hooks{}); err != nil {
		t.Fatal(err)
	}
	want := bytesOf(t, whole)
	for stop := range cfg.Iterations() {
		dir := t.TempDir()
		cfg.CheckpointEvery = 1
		first, _ := newFakeTrainer(t, newBandit(t, 1, 2, 3), cfg)
		ended := errors.New("ended")
		var seen []int
		err := first.Run(ctx, rl.Hooks{Checkpoints: dir, Iteration: func(m rl.Metrics) error {
			if seen = append(seen, m.Iteration); m.Iteration == stop+1 {
				return ended
			}
			return nil
		}})
		if !errors.Is(err, ended) {
			t.Fatal(err)
		}
		second, _ := newFakeTrainer(t, newBandit(t, 1, 2, 3), cfg)
		c, err := second.Resume(dir)
		if err != nil {
			t.Fatal(err)
		}
		if c.Iteration != stop+1 {
			t.Fatalf("resumed at %d, want %d", c.Iteration, stop+1)
		}
		if err := second.Run(ctx, rl.Hooks{Checkpoints: dir, Iteration: func(m rl.Metrics) error { seen = append(seen, m.Iteration); return nil }}); err != nil {
			t.Fatal(err)
		}
		second.Config().CheckpointEvery = whole.Config().CheckpointEvery
		if got := bytesOf(t, second); !bytes.Equal(got, want) {
			t.Errorf("resumed at %d: other bytes at the end", stop+1)
		}
		if !slices.Equal(seen, []int{1, 2, 3, 4, 5, 6}) {
			t.Errorf("iterations reported: %v", seen)
		}
	}
}

// After a resume, an environment that cannot be saved starts new episodes.
func TestResumeVolatile(t *testing.T) {
	cfg := smallConfig()
	p := newBandit(t, 1, 2)
	p.volatile = true
	one, _ := newFakeTrainer(t, p, cfg)
	if _, err := one.Iterate(context.Background()); err != nil {
		t.Fatal(err)
	}
	c, err := checkpoint.Decode(bytesOf(t, one))
	if err != nil {
		t.Fatal(err)
	}
	two, _ := newFakeTrainer(t, p, cfg)
	if err := two.Restore(c); err != nil {
		t.Fatal(err)
	}
	if slices.Max(two.Discounted()) != 0 || two.Iteration() != 1 {
		t.Errorf("sums of rewards go on at %v", two.Discounted())
	}
	if _, err := two.Iterate(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestRestoreRefuses(t *testing.T) {
	cfg := smallConfig()
	tr, _ := newFakeTrainer(t, newBandit(t, 1, 2, 3), cfg)
	b := bytesOf(t, tr)
	for _, c := range []struct {
		want string
		make func() *rl.Trainer
	}{
		{"its ppo.lr is 0.05, that of this run 0.5", func() *rl.Trainer {
			cfg := cfg
			cfg.LR = 0.5
			tr, _ := newFakeTrainer(t, newBandit(t, 1, 2, 3), cfg)
			return tr
		}},
		{"its number of entities is 3, that of this run 2", func() *rl.Trainer { tr, _ := newFakeTrainer(t, newBandit(t, 1, 2), cfg); return tr }},
		{"its seed is 7, that of this run 8", func() *rl.Trainer {
			tr, err := ppo.New(newBandit(t, 1, 2, 3), newFakeBackend(3, 2), cfg, 8)
			if err != nil {
				t.Fatal(err)
			}
			return tr
		}},
		{"parameter", func() *rl.Trainer {
			fb := newFakeBackend(3, 2)
			fb.v = make([]float32, 9)
			tr, err := ppo.New(newBandit(t, 1, 2, 3), fb, cfg, 7)
			if err != nil {
				t.Fatal(err)
			}
			return tr
		}},
	} {
		other, err := checkpoint.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		other.Path = "run/x.safetensors"
		if err := c.make().Restore(other); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), other.Path) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
	cfg.EvalEvery, cfg.CheckpointKeep = 1, 9
	same, _ := newFakeTrainer(t, newBandit(t, 1, 2, 3), cfg)
	c, err := checkpoint.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := same.Restore(c); err != nil {
		t.Errorf("settings that do not change what is learned: %v", err)
	}
}

// A checkpoint that is older than a setting fits runs in which the setting changes nothing, and no
// others.
func TestRestoreOfAnOlderVersion(t *testing.T) {
	old, _ := newFakeTrainer(t, newBandit(t, 1, 2, 3), smallConfig())
	b := bytesOf(t, old)
	for value, fits := range map[string]bool{"0": true, "false": true, "": true, "0.5": false, "true": false} {
		tr, _ := newFakeTrainer(t, newBandit(t, 1, 2, 3), smallConfig())
		tr.Describe(rl.Fact{Name: "env.bandit.penalty", Value: value})
		c, err := checkpoint.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		switch err := tr.Restore(c); {
		case fits && err != nil:
			t.Errorf("a penalty of %q: %v", value, err)
		case !fits && (err == nil || !strings.Contains(err.Error(), "it has no env.bandit.penalty, that of this run is "+value)):
			t.Errorf("a penalty of %q: got %v", value, err)
		}
	}
}

// A run that goes on with other arithmetic gets a warning, one with the same arithmetic none.
func TestRestoreWarnsOfArithmetic(t *testing.T) {
	for _, before := range []string{"fake", "fake of another machine"} {
		tr, _ := newFakeTrainer(t, newBandit(t, 1, 2), smallConfig())
		tr.Checkpoint().Loop.Arithmetic = before
		b, err := checkpoint.Encode(tr.Checkpoint())
		if err != nil {
			t.Fatal(err)
		}
		c, err := checkpoint.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		var warned bytes.Buffer
		old := slog.Default()
		slog.SetDefault(slog.New(slog.NewTextHandler(&warned, nil)))
		err = tr.Restore(c)
		slog.SetDefault(old)
		if got := strings.Contains(warned.String(), before) && strings.Contains(warned.String(), "now=fake"); err != nil || got == (before == "fake") {
			t.Errorf("saved with %s: %v, warned of %s", before, err, &warned)
		}
	}
}

func TestUnwritableFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	tr, _ := newFakeTrainer(t, newBandit(t, 1, 2), smallConfig())
	err := tr.Run(context.Background(), rl.Hooks{Checkpoints: filepath.Join(file, "checkpoints")})
	if !errors.Is(err, syscall.ENOTDIR) || tr.Iteration() != 0 {
		t.Errorf("got %v after %d iterations", err, tr.Iteration())
	}
	t.Run("read-only", func(t *testing.T) {
		if os.Geteuid() == 0 {
			t.Skip("SKIPPED: the superuser may write to a read-only folder")
		}
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
		err := tr.Run(context.Background(), rl.Hooks{Checkpoints: dir})
		if !errors.Is(err, fs.ErrPermission) || tr.Iteration() != 0 {
			t.Errorf("got %v after %d iterations", err, tr.Iteration())
		}
	})
}

func TestRunInterrupted(t *testing.T) {
	dir := t.TempDir()
	tr, _ := newFakeTrainer(t, newBandit(t, 1, 2), smallConfig())
	ctx, cancel := context.WithCancel(context.Background())
	err := tr.Run(ctx, rl.Hooks{Checkpoints: dir, Iteration: func(m rl.Metrics) error {
		if m.Iteration == 5 {
			cancel()
		}
		return nil
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if c, err := rl.LatestCheckpoint(dir); err != nil || c.Iteration != 5 {
		t.Errorf("iteration %d, %v", c.Iteration, err)
	}
	// One that is interrupted before it did anything can be resumed as well.
	dir = t.TempDir()
	tr, _ = newFakeTrainer(t, newBandit(t, 1, 2), smallConfig())
	if err := tr.Run(ctx, rl.Hooks{Checkpoints: dir}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if c, err := rl.LatestCheckpoint(dir); err != nil || c.Iteration != 0 {
		t.Errorf("iteration %d, %v", c.Iteration, err)
	}
}

// A warm start takes the units that values and rewards were standardised by, with the parameters.
// Where this run does not standardise them, it names the difference.
func TestWarmStartKeepsUnits(t *testing.T) {
	from, _ := newFakeTrainer(t, newBandit(t, 1, 2, 3), smallConfig())
	for range 3 {
		if _, err := from.IterateAndEvaluate(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	read := func(tr *rl.Trainer) (values, rewards []float64) {
		values, rewards = make([]float64, 2), make([]float64, 4)
		tr.CriticValues(values, []float32{-1, 2})
		tr.ScaleRewards(rewards, []float64{1, 2, 3, 4}, make([]bool, 4))
		return values, rewards
	}
	cfg := smallConfig()
	tr, _ := newFakeTrainer(t, newBandit(t, 3, 1, 2), cfg)
	if differences, err := tr.WarmStart(from.Checkpoint()); err != nil || len(differences) != 0 {
		t.Errorf("differences %q, %v", differences, err)
	}
	clear(from.Discounted()) // its environments were in the middle of episodes
	values, rewards := read(tr)
	if v, r := read(from); !slices.Equal(values, v) || !slices.Equal(rewards, r) {
		t.Errorf("values %v, before %v; rewards %v, before %v", values, v, rewards, r)
	}

	cfg.ScaleValues = false
	plain, _ := newFakeTrainer(t, newBandit(t, 3, 1, 2), cfg)
	differences, err := plain.WarmStart(from.Checkpoint())
	if want := []string{"its ppo.scale_values is true, that of this run false"}; err != nil || !slices.Equal(differences, want) {
		t.Errorf("differences %q, %v", differences, err)
	}
	if _, err := tr.IterateAndEvaluate(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := tr.WarmStart(from.Checkpoint()); err == nil {
		t.Error("a warm start in the middle of training")
	}
}
