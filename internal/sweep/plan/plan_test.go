package plan

import (
	"fmt"
	"strings"
	"testing"

	"paspo/internal/sweep/spec"
)

// base trains some iterations in a moment, and prepares little for them: its problem has few rows.
const base = `base:
  preset: paper
  env: {name: synthetic, synthetic: {rows: 5, seed: 3}}
  steps: 64
  device: cpu
  debias: {points: 1000, cache_dir: ""}
  policy: {encoder: [4], latent: 4, heads: [4], critic: [4]}
  ppo: {envs: 2, steps_per_env: 4, minibatch: 4, epochs: 1, eval_every: 2, eval_episodes: 2}
objective: {episodes: 4}
report: {settings: 0}
`

// printed returns the plan of a sweep.
func printed(t *testing.T, text string) string {
	t.Helper()
	s, err := spec.Parse("sweep.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := Print(s, &b, 2); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The plan says where trainings may be given up, and where a first look comes too late for any.
func TestPlanSaysWhereIsPruned(t *testing.T) {
	for least, want := range map[int]string{
		8:  "at steps 8, 16, 32 the best 1/2 go on",
		64: "none is given up: prune.min_steps is 64, and they train for 64 steps",
	} {
		got := printed(t, base+"seeds: [1, 2]\nsearch: {method: grid}\nspace: {ppo.envs: {choices: [1, 2]}}\n"+fmt.Sprintf("prune: {method: asha, min_steps: %d, factor: 2}\n", least))
		if !strings.Contains(got, want+"\n") {
			t.Errorf("%q is missing in\n%s", want, got)
		}
		if less := strings.HasSuffix(got, "at a time, less where settings are given up\n"); less != (least < 64) {
			t.Errorf("min_steps %d: the time is that of all trainings to their end, and says so %v:\n%s", least, !less, got)
		}
	}
}

// The plan names the range of steps, and its time is that of their mean.
func TestPlanOfSteps(t *testing.T) {
	for space, want := range map[string][2]string{
		"{choices: [512, 1024, 2_048]}": {" 6 trainings of 512 to 2048 steps\n", " of the first setting, with the mean of 1195 steps ("},
		"{int: [100, 300]}":             {" 8 trainings of 100 to 300 steps\n", " of the first setting, with the mean of 200 steps ("},
		// A grid has the ends of a range, and few values between them.
		"{log: [64, 2000], points: 2}": {" 4 trainings of 64 to 2000 steps\n", " of the first setting, with the mean of 1032 steps ("},
	} {
		search := "grid"
		if strings.HasPrefix(space, "{int") {
			search = "random, trials: 4"
		}
		got := printed(t, base+"seeds: [1, 2]\nsearch: {method: "+search+"}\nspace: {steps: "+space+"}\n")
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%q is missing in\n%s", w, got)
			}
		}
	}
}

// The plan names the settings that cannot be trained, and one of a thing as one.
func TestPlanOfOne(t *testing.T) {
	got := printed(t, base+"seeds: [1]\nsearch: {method: grid}\nspace: {ppo.envs: {choices: [1, 2]}, ppo.minibatch: {choices: [4, 8]}}\n")
	for _, want := range []string{
		" search, 1 seed (1), 4 trainings of 64 steps\n", "  0: ppo.envs=1 ppo.minibatch=4\n",
		"  1: ppo.envs=1 ppo.minibatch=8, which cannot be trained: ppo.minibatch=8: ",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
}

// The plan speaks of the environments of the space, and not of that of the base.
func TestPlanOfEnvironments(t *testing.T) {
	for choices, want := range map[string]string{"compute": "iqm on compute: 1 setting by", "compute, synthetic": "iqm on 2 problems: 2 settings by"} {
		got := printed(t, fmt.Sprintf("base: {preset: paper, steps: 64}\nseeds: [1]\nsearch: {method: grid}\nspace: {env.name: {choices: [%s]}}\n", choices))
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
}
