package ppo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"paspo/internal/atomicfile"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
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

// A file gives back what was written.
func TestCodec(t *testing.T) {
	tr, _ := newFakeTrainer(t, newBandit(t, 1, 2, 3), smallConfig())
	for range 3 {
		if _, err := tr.cycle(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	b := bytesOf(t, tr)
	c, err := decode(b)
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.encode()
	if err != nil || !bytes.Equal(b, again) {
		t.Errorf("encoding again gives other bytes (%v)", err)
	}
	path := filepath.Join(t.TempDir(), "sub", "x.safetensors")
	if err := tr.Checkpoint().WriteFile(path); err != nil {
		t.Fatal(err)
	}
	if read, err := ReadCheckpoint(path); err != nil || read.Path != path || read.Iteration != 3 {
		t.Errorf("%+v, %v", read, err)
	}
	if c.Best.Iteration != 3 || c.Best != tr.Best() || c.Step != tr.Step() {
		t.Errorf("%+v", c)
	}
}

// No single changed byte and no cut may pass.
func TestDamageIsFound(t *testing.T) {
	tr, _ := newFakeTrainer(t, newBandit(t, 1, 2), smallConfig())
	b := bytesOf(t, tr)
	want := slices.Clone(b)
	for i := range b {
		old := b[i]
		b[i] ^= 0x20
		// Spaces that fill the header up may become something else only if they
		// are still no part of it.
		if c, err := decode(b); err == nil {
			if again, err := c.encode(); err != nil || !bytes.Equal(again, want) {
				t.Errorf("byte %d of %d changed unnoticed", i, len(b))
			}
		}
		b[i] = old
	}
	for n := range b {
		if _, err := decode(b[:n]); err == nil {
			t.Errorf("cut to %d of %d bytes unnoticed", n, len(b))
		}
	}
}

func FuzzReadCheckpoint(f *testing.F) {
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := decode(b); err == nil {
			if _, err := c.encode(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestKeepLast(t *testing.T) {
	dir := t.TempDir()
	cfg := smallConfig()
	cfg.CheckpointEvery, cfg.CheckpointKeep, cfg.Steps = 2, 3, 13*int64(cfg.BatchSize())
	tr, _ := newFakeTrainer(t, newBandit(t, 1, 2, 3), cfg)
	var saved []string
	var highest Best
	err := tr.Run(context.Background(), Hooks{
		Checkpoints: dir,
		Saved:       func(p string) { saved = append(saved, filepath.Base(p)) },
		Iteration: func(m Metrics) error {
			if m.Eval != nil && (highest.Iteration == 0 || m.Eval.Mean() > highest.Return) {
				highest = Best{m.Eval.Mean(), m.Iteration}
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
	if saved[0] != InitialCheckpoint || saved[len(saved)-1] != want[4] {
		t.Errorf("saved %q", saved)
	}
	best, err := ReadCheckpoint(filepath.Join(dir, BestCheckpoint))
	if err != nil || best.Iteration != tr.Best().Iteration || best.Best != tr.Best() {
		t.Errorf("best is of iteration %d (%v), want %+v", best.Iteration, err, tr.Best())
	}
}

// N iterations, another process, N more give what 2N give, from every iteration
// at which the first may end.
func TestResume(t *testing.T) {
	ctx := context.Background()
	cfg := smallConfig()
	cfg.Steps = 6 * int64(cfg.BatchSize())
	whole, _ := newFakeTrainer(t, newBandit(t, 1, 2, 3), cfg)
	if err := whole.Run(ctx, Hooks{}); err != nil {
		t.Fatal(err)
	}
	want := bytesOf(t, whole)
	for stop := range cfg.Iterations() {
		dir := t.TempDir()
		cfg.CheckpointEvery = 1
		first, _ := newFakeTrainer(t, newBandit(t, 1, 2, 3), cfg)
		ended := errors.New("ended")
		var seen []int
		err := first.Run(ctx, Hooks{Checkpoints: dir, Iteration: func(m Metrics) error {
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
		if err := second.Run(ctx, Hooks{Checkpoints: dir, Iteration: func(m Metrics) error { seen = append(seen, m.Iteration); return nil }}); err != nil {
			t.Fatal(err)
		}
		second.cfg.CheckpointEvery = whole.cfg.CheckpointEvery
		if got := bytesOf(t, second); !bytes.Equal(got, want) {
			t.Errorf("resumed at %d: other bytes at the end", stop+1)
		}
		if !slices.Equal(seen, []int{1, 2, 3, 4, 5, 6}) {
			t.Errorf("iterations reported: %v", seen)
		}
	}
}

// An environment that cannot be saved starts new episodes.
func TestResumeVolatile(t *testing.T) {
	cfg := smallConfig()
	p := newBandit(t, 1, 2)
	p.volatile = true
	one, _ := newFakeTrainer(t, p, cfg)
	if _, err := one.Iterate(context.Background()); err != nil {
		t.Fatal(err)
	}
	c, err := decode(bytesOf(t, one))
	if err != nil {
		t.Fatal(err)
	}
	two, _ := newFakeTrainer(t, p, cfg)
	if err := two.Restore(c); err != nil {
		t.Fatal(err)
	}
	if slices.Max(two.discounted) != 0 || two.Iteration() != 1 {
		t.Errorf("sums of rewards go on at %v", two.discounted)
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
		make func() *Trainer
	}{
		{"ppo.lr is 0.05, that of this run 0.5", func() *Trainer {
			cfg := cfg
			cfg.LR = 0.5
			tr, _ := newFakeTrainer(t, newBandit(t, 1, 2, 3), cfg)
			return tr
		}},
		{"entities", func() *Trainer { tr, _ := newFakeTrainer(t, newBandit(t, 1, 2), cfg); return tr }},
		{"seed is 7", func() *Trainer {
			tr, err := New(newBandit(t, 1, 2, 3), newFakeBackend(3, 2), cfg, 8)
			if err != nil {
				t.Fatal(err)
			}
			return tr
		}},
		{"parameter", func() *Trainer {
			fb := newFakeBackend(3, 2)
			fb.v = make([]float32, 9)
			tr, err := New(newBandit(t, 1, 2, 3), fb, cfg, 7)
			if err != nil {
				t.Fatal(err)
			}
			return tr
		}},
	} {
		other, err := decode(b)
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
	c, err := decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := same.Restore(c); err != nil {
		t.Errorf("settings that only observe: %v", err)
	}
}

// The newest whole checkpoint is used, whatever happened to the newer ones.
func TestLatestPassesOverDamage(t *testing.T) {
	dir := t.TempDir()
	cfg := smallConfig()
	cfg.CheckpointEvery, cfg.Steps = 1, 4*int64(cfg.BatchSize())
	tr, _ := newFakeTrainer(t, newBandit(t, 1, 2), cfg)
	if err := tr.Run(context.Background(), Hooks{Checkpoints: dir}); err != nil {
		t.Fatal(err)
	}
	name := func(i int) string { return filepath.Join(dir, fmt.Sprintf(numberedPattern, i)) }
	expect := func(want int) {
		t.Helper()
		c, err := LatestCheckpoint(dir)
		if err != nil || c.Iteration != want {
			t.Fatalf("iteration %d (%v), want %d", c.Iteration, err, want)
		}
	}
	expect(4)
	if err := os.Truncate(name(4), 1000); err != nil {
		t.Fatal(err)
	}
	expect(3)
	b, err := os.ReadFile(name(3))
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-3] ^= 1
	if err := os.WriteFile(name(3), b, 0o644); err != nil {
		t.Fatal(err)
	}
	// What an interrupted write leaves has no number.
	if err := os.WriteFile(filepath.Join(dir, ".iteration-00000009.safetensors.tmp"), b[:99], 0o644); err != nil {
		t.Fatal(err)
	}
	expect(2)
	if err := os.WriteFile(name(2), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LatestCheckpoint(dir); err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), name(4)) {
		t.Errorf("got %v", err)
	}
	if _, err := LatestCheckpoint(t.TempDir()); err == nil {
		t.Error("an empty folder")
	}
	if _, err := ReadCheckpoint(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// fullDisk takes some bytes and then no more.
type fullDisk struct {
	*os.File
	left int
}

func (d *fullDisk) Write(b []byte) (int, error) {
	if len(b) > d.left {
		n, _ := d.File.Write(b[:d.left])
		return n, &fs.PathError{Op: "write", Path: d.Name(), Err: syscall.ENOSPC}
	}
	return d.File.Write(b)
}

func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	s, err := openStore(dir, 3)
	if err != nil {
		t.Fatal(err)
	}
	tr, _ := newFakeTrainer(t, newBandit(t, 1, 2), smallConfig())
	if _, err := s.save(tr.committed); err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)
	good, err := os.ReadFile(filepath.Join(dir, before[0]))
	if err != nil {
		t.Fatal(err)
	}
	create := s.create
	s.create = func(path string) (atomicfile.File, error) {
		f, err := create(path)
		if err != nil {
			return nil, err
		}
		return &fullDisk{f.(*os.File), 500}, nil
	}
	_, err = s.save(tr.committed)
	if !errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), ".tmp") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	now, err := os.ReadFile(filepath.Join(dir, before[0]))
	if err != nil || !bytes.Equal(now, good) || !slices.Equal(files(t, dir), before) {
		t.Errorf("the folder holds %q, it held %q (%v)", files(t, dir), before, err)
	}
}

func TestUnwritableFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	tr, _ := newFakeTrainer(t, newBandit(t, 1, 2), smallConfig())
	err := tr.Run(context.Background(), Hooks{Checkpoints: filepath.Join(file, "checkpoints")})
	if !errors.Is(err, syscall.ENOTDIR) || tr.Iteration() != 0 {
		t.Errorf("got %v after %d iterations", err, tr.Iteration())
	}
	t.Run("read-only", func(t *testing.T) {
		if os.Geteuid() == 0 {
			t.Skip("the superuser may write to a read-only folder")
		}
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
		err := tr.Run(context.Background(), Hooks{Checkpoints: dir})
		if !errors.Is(err, fs.ErrPermission) || tr.Iteration() != 0 {
			t.Errorf("got %v after %d iterations", err, tr.Iteration())
		}
	})
}

func TestRunInterrupted(t *testing.T) {
	dir := t.TempDir()
	tr, _ := newFakeTrainer(t, newBandit(t, 1, 2), smallConfig())
	ctx, cancel := context.WithCancel(context.Background())
	err := tr.Run(ctx, Hooks{Checkpoints: dir, Iteration: func(m Metrics) error {
		if m.Iteration == 5 {
			cancel()
		}
		return nil
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if c, err := LatestCheckpoint(dir); err != nil || c.Iteration != 5 {
		t.Errorf("iteration %d, %v", c.Iteration, err)
	}
	// One that is interrupted before it did anything can be resumed as well.
	dir = t.TempDir()
	tr, _ = newFakeTrainer(t, newBandit(t, 1, 2), smallConfig())
	if err := tr.Run(ctx, Hooks{Checkpoints: dir}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if c, err := LatestCheckpoint(dir); err != nil || c.Iteration != 0 {
		t.Errorf("iteration %d, %v", c.Iteration, err)
	}
}
