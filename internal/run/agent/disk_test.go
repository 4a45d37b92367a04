package agent

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"paspo/internal/atomicfile"
	"paspo/internal/checkout"
	"paspo/internal/faultfs"
	"paspo/internal/long"
	"paspo/internal/run/config"
	"paspo/internal/run/runfolder"
	"paspo/internal/tensorboard"
	"paspo/rl"
)

func tiny(t *testing.T) *config.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(file, []byte("entities: [A, B, C]\ntotal: 1\nconstraints: [A + 2*B <= 1]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load("", []string{
		"constraints=" + file,
		"env.name=synthetic", "env.synthetic.entities=3", "env.synthetic.seed=1", "steps=32", "device=cpu",
		"debias.points=1000", "debias.cache_dir=", "policy.encoder=[4]", "policy.latent=4", "policy.heads=[4]", "policy.critic=[4]",
		"ppo.envs=2", "ppo.steps_per_env=4", "ppo.minibatch=4", "ppo.epochs=1",
		"ppo.eval_every=2", "ppo.eval_episodes=2", "ppo.checkpoint_every=2", "ppo.checkpoint_seconds=0", "ppo.checkpoint_keep=1",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// goOn starts a run, or resumes the one in the folder, and trains it to its end.
func goOn(c *config.Config, dir string) error {
	var r *Run
	var err error
	if runfolder.IsRun(dir) {
		r, err = Resume(dir, nil, nil)
	} else {
		r, err = Start(c, dir)
	}
	if err != nil {
		return err
	}
	err = r.Advance(context.Background(), func(rl.Metrics) {})
	if e := r.Close(); err == nil {
		err = e
	}
	return err
}

// whole checks that the folder of a finished run has all of its files.
func whole(t *testing.T, what, dir, want string) {
	t.Helper()
	folder := filepath.Join(dir, runfolder.CheckpointDir)
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		if e.Name() == "iteration-00000002.safetensors" {
			continue
		}
		a, errA := os.ReadFile(filepath.Join(folder, e.Name()))
		b, errB := os.ReadFile(filepath.Join(want, runfolder.CheckpointDir, e.Name()))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%s: %s differs (%v, %v)", what, e.Name(), errA, errB)
		}
	}
	// A file that could not be removed does no harm.
	names = slices.DeleteFunc(names, func(name string) bool { return name == "iteration-00000002.safetensors" })
	if all := []string{"best.safetensors", "initial.safetensors", "iteration-00000004.safetensors"}; !slices.Equal(names, all) {
		t.Errorf("%s: checkpoints %q, want %q", what, names, all)
	}
	rows, err := runfolder.Metrics(dir)
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	wanted, err := runfolder.Metrics(want)
	if err != nil {
		t.Fatal(err)
	}
	measures := func(rows []runfolder.Row) (all []float64) {
		for _, r := range rows {
			all = append(all, r["step"], r["return"], r["policy_loss"], r["eval_return"])
		}
		return all
	}
	if got := measures(rows); !slices.Equal(got, measures(wanted)) {
		t.Errorf("%s: metrics %v, want %v", what, got, measures(wanted))
	}
	events, err := checkout.Files(dir, tensorboard.FilePrefix+"*")
	if err != nil || len(events) != 1 {
		t.Fatalf("%s: event files %q (%v)", what, events, err)
	}
	all, err := tensorboard.Read(events[0])
	if err != nil || len(all) != 5 || all[0].Version == "" || all[4].Step != 32 {
		t.Errorf("%s: %d events (%v)", what, len(all), err)
	}
	entries, err = os.ReadDir(dir)
	for _, e := range entries {
		if atomicfile.IsTemporary(e.Name()) {
			t.Errorf("%s: %s is left", what, e.Name())
		}
	}
	if err != nil || !runfolder.IsRun(dir) {
		t.Errorf("%s: no configuration (%v)", what, err)
	}
}

// Any operation on the disk fails, is incomplete, or is the last one before the process is killed. A
// run that reports no error is complete, and every other one can be resumed to the same bits, by the
// command that its error or its folder suggests.
func TestDiskFailsAnywhere(t *testing.T) {
	long.Test(t)
	quiet(t)
	c := tiny(t)
	root := t.TempDir()
	want := filepath.Join(root, "want")
	if err := goOn(c, want); err != nil {
		t.Fatal(err)
	}
	whole(t, "undisturbed", want, want)

	for kind := faultfs.Fails; kind <= faultfs.Killed; kind++ {
		for at := 1; ; at++ {
			dir := filepath.Join(root, "run")
			what := kind.String() + " at " + strconv.Itoa(at)
			disk, restore := faultfs.Use(kind, at)
			err := goOn(c, dir)
			restore()
			if !disk.Tripped() {
				if at < 50 {
					t.Fatalf("%s: there were %d operations only", what, disk.Count)
				}
				whole(t, what, dir, want)
				os.RemoveAll(dir)
				break
			}
			if err != nil && kind != faultfs.Killed && (strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), root)) {
				t.Errorf("%s: %v", what, err)
			}
			if err == nil && kind == faultfs.Killed {
				t.Errorf("%s: no error", what)
			}
			if err != nil {
				_, restore := faultfs.Use(faultfs.None, 0)
				err := goOn(c, dir)
				if err != nil && strings.Contains(err.Error(), "a run that was killed at its start left") {
					// The error says to remove the folder.
					err = errors.Join(os.RemoveAll(dir), goOn(c, dir))
				}
				restore()
				if err != nil {
					t.Fatalf("%s: cannot go on: %v", what, err)
				}
			}
			whole(t, what, dir, want)
			if t.Failed() {
				return
			}
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A run with metrics and without any checkpoint has lost files: it is not started again over the
// rest.
func TestResumeWithoutCheckpoints(t *testing.T) {
	quiet(t)
	dir := filepath.Join(t.TempDir(), "a run")
	if err := goOn(tiny(t), dir); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, runfolder.CheckpointDir)); err != nil {
		t.Fatal(err)
	}
	_, err := Resume(dir, nil, nil)
	if !errors.Is(err, rl.ErrNoCheckpoint) || !strings.Contains(err.Error(), "--config '"+dir+"/config.yaml'") {
		t.Errorf("error %v", err)
	}
	if rows, err := runfolder.Metrics(dir); err != nil || len(rows) != 4 {
		t.Errorf("%d rows are left, %v", len(rows), err)
	}
}

// quiet discards warnings.
func quiet(t *testing.T) {
	old := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	t.Cleanup(func() { slog.SetDefault(old) })
}
