//go:build gpu

package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"paspo/internal/cudatest"
	"paspo/internal/run/runfolder"
)

// A sweep on GPUs trains on all cards. Without a card it is an error.
func TestGPUSweepOnAllCards(t *testing.T) {
	cudatest.Fake(t)
	dir := t.TempDir()
	file, out := filepath.Join(dir, "sweep.yaml"), filepath.Join(dir, "a")
	const text = `base:
  preset: paper
  env: {name: synthetic}
  steps: 16
  device: gpu
  debias: {points: 1000, cache_dir: ""}
  policy: {encoder: [4], latent: 4, heads: [4], critic: [4]}
  ppo: {envs: 2, steps_per_env: 4, minibatch: 4, epochs: 1, eval_every: 0}
objective: {episodes: 2}
report: {settings: 0}
seeds: [1, 2]
search: {method: grid}
space: {ppo.lr: {choices: [1e-4, 1e-3]}}
`
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	environ := cudatest.Environ(t)
	status, said, errs := withDriver(t, environ, "sweep", "run", file, "--out", out)
	if status != 0 || !strings.Contains(said, "4 of 4 trainings done, 0 given up, 0 failed") {
		t.Fatalf("status %d\n%s%s", status, said, errs)
	}
	cards := map[string]int{}
	for run := range trainings(t, out) {
		text, err := os.ReadFile(filepath.Join(out, "runs", run, runfolder.ConfigFile))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if device, ok := strings.CutPrefix(line, "device: "); ok {
				cards[strings.Trim(device, "\"\n")]++
			}
		}
	}
	if cards["gpu:0"] != 2 || cards["gpu:1"] != 2 {
		t.Errorf("cards %v, want two trainings on each", cards)
	}
	none := append(environ[:len(environ):len(environ)], "PASPO_FAKE_DEVICES=0")
	other := filepath.Join(dir, "b")
	if status, _, errs := withDriver(t, none, "sweep", "run", file, "--out", other); status == 0 || !strings.Contains(errs, "no CUDA device") {
		t.Errorf("status %d, %s", status, errs)
	}
	if _, _, errs := withDriver(t, none, "sweep", "work", out); !strings.Contains(errs, "no CUDA device") {
		t.Errorf("a worker: %s", errs)
	}
}
