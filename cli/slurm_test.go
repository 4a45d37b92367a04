package cli

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"paspo/internal/checkout"
	"paspo/internal/run/runfolder"
	"paspo/internal/sweep/slurmtest"
)

// slurmSweep is a sweep whose trainings take a few seconds.
const slurmSweep = `base:
  preset: paper
  env: {name: synthetic}
  steps: %d
  device: cpu
  debias: {points: 1000, cache_dir: ""}
  ppo: {envs: 2, steps_per_env: 32, minibatch: 32, epochs: 1, eval_every: 20, eval_episodes: 2, checkpoint_every: 20, checkpoint_seconds: 0, checkpoint_keep: 1}
objective: {episodes: 4}
report: {settings: 0}
seeds: 1..%d
search: {method: grid}
space: {ppo.lr: {choices: [1e-4, 1e-3]}}
`

// A sweep under Slurm gives the results of one process, bit for bit, although one task is cancelled,
// one node is cut off and another one loses its power. With PASPO_TEST_SLURM one task also reaches its
// time limit, which Slurm checks every half minute.
func TestSlurm(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: starts Slurm")
	}
	long := os.Getenv("PASPO_TEST_SLURM") != ""
	steps, seeds := 48_000, 4
	if long {
		steps *= 4
	}
	c := slurmtest.Start(t, 2, "n1", "n2", "n3")
	dir := t.TempDir()
	file := filepath.Join(dir, "sweep.yaml")
	if err := os.WriteFile(file, []byte(fmt.Sprintf(slurmSweep, steps, seeds)), 0o644); err != nil {
		t.Fatal(err)
	}
	a, one := filepath.Join(dir, "a"), filepath.Join(dir, "one")
	for _, folder := range []string{a, one} {
		succeed(t, "", "sweep", "run", file, "--out", folder, "--jobs", "0")
	}
	train := func(args ...string) string {
		cmd := c.Command(os.Args[0], args...)
		cmd.Env = append(cmd.Env, "PASPO_TEST_RUN=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("train %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	said := train("sweep", "slurm", a, "--partition", "p", "--time", "30", "--max", "6")
	job, _, _ := strings.Cut(strings.TrimPrefix(said, "job "), ":")
	running := func() int {
		return len(strings.Fields(c.Run("squeue", "--noheader", "--array", "--states=running", "--format=%A")))
	}
	c.Wait("six tasks run", func() bool { return running() == 6 })
	c.Wait("six workers have saved something", func() bool {
		return len(checkpointed(t, a)) >= 6
	})

	c.Run("scancel", job+"_0")
	c.Wait("a cancelled task has ended", func() bool { return c.Task(job+"_0", "JobState") == "CANCELLED" })
	log, err := os.ReadFile(filepath.Join(a, fmt.Sprintf("slurm-%s-0.log", job)))
	if err != nil || bytes.Contains(log, []byte("goroutine")) {
		t.Errorf("%v\n%s", err, log)
	}
	on := func(node string) (tasks []string) {
		return strings.Fields(c.Run("squeue", "--noheader", "--array", "--states=running", "--nodelist="+node, "--format=%i"))
	}
	limited, cut, off := on("n1"), on("n2"), on("n3")
	if len(limited) == 0 || len(cut)+len(off) < 3 {
		t.Fatalf("on the nodes run %v, %v and %v: a longer sweep is needed", limited, cut, off)
	}
	if long {
		c.Run("scontrol", "update", "JobId="+limited[0], "TimeLimit=1")
	}
	c.Kill("n2")
	c.PowerOff("n3")
	for _, id := range append(cut, off...) {
		c.Wait("a task of a lost node is queued again or has ended", func() bool {
			restarts, state := c.Task(id, "Restarts"), c.Task(id, "JobState")
			return restarts != "0" || state == "COMPLETED" || state == "CANCELLED"
		})
	}
	c.StartNode("n2")
	c.StartNode("n3")
	if long {
		c.Wait("a task at its limit is queued again", func() bool { return c.Task(limited[0], "Restarts") != "0" })
		c.Run("scontrol", "update", "JobId="+limited[0], "TimeLimit=30")
	}
	c.Wait("all tasks have ended", func() bool { return strings.TrimSpace(c.Run("squeue", "--noheader")) == "" })

	succeed(t, "", "sweep", "work", one)
	got, want := trainings(t, a), trainings(t, one)
	if len(want) != 2*seeds {
		t.Fatalf("%d trainings, want %d", len(want), 2*seeds)
	}
	for run, what := range want {
		if got[run] != what {
			t.Errorf("%s: %s under Slurm, %s in one process", run, got[run], what)
		}
		sameCheckpoints(t, filepath.Join(a, "runs", run), filepath.Join(one, "runs", run))
	}
}

// checkpointed returns the trainings of a sweep that have a checkpoint.
func checkpointed(t *testing.T, dir string) []string {
	t.Helper()
	all, err := checkout.Files(filepath.Join(dir, "runs"), "*/"+runfolder.CheckpointDir+"/iteration-*")
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		all[i] = filepath.Dir(filepath.Dir(all[i]))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// trainings returns the state and the results of all trainings of a sweep, by run.
func trainings(t *testing.T, dir string) map[string]string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(succeed(t, "", "sweep", "export", dir))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	all := map[string]string{}
	for _, row := range rows[1:] {
		var what []string
		for _, name := range []string{"state", "return", "stderr", "max_residual", "violations", "steps", "error"} {
			what = append(what, row[column[name]])
		}
		all[filepath.Base(row[column["run"]])] = strings.Join(what, " ")
	}
	return all
}

func sameCheckpoints(t *testing.T, got, want string) {
	t.Helper()
	all, err := os.ReadDir(filepath.Join(want, runfolder.CheckpointDir))
	if err != nil || len(all) == 0 {
		t.Fatalf("%s has no checkpoints: %v", want, err)
	}
	for _, e := range all {
		a, errA := os.ReadFile(filepath.Join(got, runfolder.CheckpointDir, e.Name()))
		b, errB := os.ReadFile(filepath.Join(want, runfolder.CheckpointDir, e.Name()))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%s: %s differs (%v, %v)", got, e.Name(), errA, errB)
		}
	}
}
