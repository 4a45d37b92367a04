package rl_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"paspo/ppo"
	"paspo/rl"
)

// childKey names the environment variable that makes the test binary train into a folder
// until it is killed.
const childKey = "PASPO_TEST_TRAIN_INTO"

func TestMain(m *testing.M) {
	if into := os.Getenv(childKey); into != "" {
		kind, dir, _ := strings.Cut(into, ":")
		if err := trainInto(kind, dir, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// pace slows training down, so that it can be killed before it ends.
const pace = 4 * time.Millisecond

// trainInto trains, resuming where the folder holds checkpoints, and writes a
// line an iteration.
func trainInto(kind, dir string, w *os.File) error {
	tr, err := killTrainer(kind)
	if err != nil {
		return err
	}
	if _, err := tr.Resume(dir); err != nil && !errors.Is(err, rl.ErrNoCheckpoint) {
		return err
	}
	return tr.Run(context.Background(), rl.Hooks{Checkpoints: dir, Iteration: func(m rl.Metrics) error {
		_, err := fmt.Fprintln(w, m.Iteration)
		time.Sleep(pace)
		return err
	}})
}

var killBackends = map[string]func() (*rl.Trainer, error){"fake": newKillFake}

func killTrainer(kind string) (*rl.Trainer, error) { return killBackends[kind]() }

func newKillFake() (*rl.Trainer, error) {
	cfg := smallConfig()
	cfg.CheckpointEvery, cfg.Steps = 3, 10*int64(cfg.BatchSize())
	p, err := makeBandit(1, 2, 3)
	if err != nil {
		return nil, err
	}
	return ppo.New(p, newFakeBackend(3, 2), cfg, 7)
}

// A run that is killed again and again, between checkpoints too, ends with the
// bytes of one that is not killed.
func TestKillAndResume(t *testing.T) {
	for kind := range killBackends {
		t.Run(kind, func(t *testing.T) {
			want := t.TempDir()
			if err := trainInto(kind, want, discard(t)); err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			for i, lines := range []int{1, 4, 2, 3} {
				killAfter(t, kind, dir, lines, time.Duration(i)*pace/2)
			}
			if err := trainInto(kind, dir, discard(t)); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"iteration-00000010.safetensors", rl.BestCheckpoint} {
				a, err := os.ReadFile(filepath.Join(want, name))
				if err != nil {
					t.Fatal(err)
				}
				b, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(a, b) {
					t.Errorf("%s differs", name)
				}
			}
		})
	}
}

func discard(t *testing.T) *os.File {
	f, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// killAfter kills a training process with SIGKILL once it has written some lines, and a
// little later, so that it dies in other places too.
func killAfter(t *testing.T, kind, dir string, lines int, later time.Duration) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childKey+"="+kind+":"+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := bufio.NewScanner(out)
	for range lines {
		if !s.Scan() {
			break
		}
	}
	time.Sleep(later)
	if err := cmd.Process.Kill(); err != nil {
		t.Errorf("it ended before it was killed: %v", err)
	}
	cmd.Wait()
}
