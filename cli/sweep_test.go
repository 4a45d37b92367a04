package cli

import (
	"strings"
	"testing"
)

// A folder may have a name that looks like a flag.
func TestSweepInAFolderNamedLikeAFlag(t *testing.T) {
	const text = `base:
  preset: paper
  env: {name: synthetic}
  steps: 16
  debias: {points: 1000, cache_dir: ""}
  policy: {encoder: [4], latent: 4, heads: [4], critic: [4]}
  ppo: {envs: 2, steps_per_env: 4, minibatch: 4, epochs: 1, eval_every: 0}
objective: {episodes: 2}
report: {settings: 0}
seeds: [1]
search: {method: grid}
space: {ppo.lr: {choices: [1e-4]}}
`
	cmd := process(t.Context(), "sweep", "run", file(t, "sweep.yaml", text), "--out", "-a")
	cmd.Dir = t.TempDir()
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "1 of 1 trainings done") {
		t.Errorf("%v\n%s", err, out)
	}
}
