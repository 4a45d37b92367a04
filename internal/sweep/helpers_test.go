package sweep

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"paspo/internal/checkout"
	"paspo/internal/run/agent"
	"paspo/internal/run/config"
	"paspo/internal/run/runfolder"
	"paspo/internal/sweep/spec"
	"paspo/rl"
)

// tinyBase trains some iterations in a moment, and prepares little for them: its problem has few rows.
const tinyBase = `base:
  preset: paper
  env: {name: synthetic, synthetic: {rows: 5, seed: 3}}
  steps: %d
  device: cpu
  debias: {points: 1000, cache_dir: ""}
  policy: {encoder: [4], latent: 4, heads: [4], critic: [4]}
  ppo: {envs: 2, steps_per_env: 4, minibatch: 4, epochs: 1, eval_every: 2, eval_episodes: 2, checkpoint_every: 2, checkpoint_seconds: 0, checkpoint_keep: 1}
objective: {episodes: 4}
report: {settings: 0}
`

// create makes a sweep of a tiny base.
func create(t *testing.T, steps int, rest string) *Sweep {
	t.Helper()
	s := read(t, fmt.Sprintf(tinyBase, steps)+rest)
	w, err := Create(context.Background(), s, filepath.Join(t.TempDir(), "sweep"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func read(t *testing.T, text string) *spec.Spec {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sweep.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := spec.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// workers has some workers of this process train a sweep.
func workers(t *testing.T, dir string, n int) {
	t.Helper()
	errs := make(chan error, n)
	for range n {
		go func() {
			w, err := Open(dir)
			if err == nil {
				err = w.Work(context.Background())
			}
			errs <- err
		}()
	}
	for range n {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// alone trains what a run of the sweep did, without a sweep, and returns its folder.
func alone(t *testing.T, run string) string {
	t.Helper()
	c, err := config.Load(filepath.Join(run, runfolder.ConfigFile), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), filepath.Base(run))
	r, err := agent.Start(c, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Train(context.Background(), func(rl.Metrics) {}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// same holds a run to another one, bit for bit but for times.
func same(t *testing.T, got, want string) {
	t.Helper()
	files, err := checkout.Files(filepath.Join(want, runfolder.CheckpointDir), "*")
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no checkpoints: %v", want, err)
	}
	for _, file := range files {
		a, errA := os.ReadFile(filepath.Join(got, runfolder.CheckpointDir, filepath.Base(file)))
		b, errB := os.ReadFile(file)
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%s: %s differs (%v, %v)", got, filepath.Base(file), errA, errB)
		}
	}
	rows := func(dir string) (all []string) {
		rows, err := runfolder.Metrics(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			for name := range r {
				if strings.Contains(name, "second") {
					delete(r, name)
				}
			}
			all = append(all, fmt.Sprint(r))
		}
		return all
	}
	if a, b := rows(got), rows(want); !slices.Equal(a, b) {
		t.Errorf("%s: metrics differ from those of %s", got, want)
	}
}

// returnsOf returns the returns of all trainings by setting.
func returnsOf(t *testing.T, w *Sweep) (all [][]float64) {
	t.Helper()
	s, err := w.Status()
	if err != nil {
		t.Fatal(err)
	}
	if !s.Ended() || s.Done != s.Trainings || s.Failed > 0 {
		var b bytes.Buffer
		w.Write(&b, s, 100)
		t.Fatalf("%d of %d trainings done, %d failed\n%s", s.Done, s.Trainings, s.Failed, &b)
	}
	for _, x := range s.Settings {
		all = append(all, x.Returns)
	}
	return all
}

const tinySpace = `seeds: [1, 2]
search: {method: grid}
space:
  ppo.lr: {choices: [1e-3, 1e-2]}
  ppo.envs: {choices: [2, 4]}
`
