package sweep

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"paspo/internal/checkout"
	"paspo/internal/long"
	"paspo/internal/run/config"
	"paspo/internal/run/runfolder"
	"paspo/internal/sweep/journal"
)

// What a sweep trains is what a single run of the same settings and seed is, and does not
// depend on the number of workers.
func TestResultsAreThoseOfSingleRuns(t *testing.T) {
	w := create(t, 64, tinySpace)
	workers(t, w.Dir, 3)
	returns := returnsOf(t, w)
	if len(returns) != 4 {
		t.Fatalf("%d settings, want 4", len(returns))
	}
	seen := map[float64]bool{}
	for setting := range returns {
		for i, seed := range w.Spec.Seeds {
			dir := w.RunDir(setting, seed)
			same(t, dir, alone(t, dir))
			seen[returns[setting][i]] = true
		}
	}
	if len(seen) != 8 {
		t.Errorf("%d different returns, want 8", len(seen))
	}
	one := create(t, 64, tinySpace)
	workers(t, one.Dir, 1)
	if a, b := fmt.Sprint(returns), fmt.Sprint(returnsOf(t, one)); a != b {
		t.Errorf("three workers %s, one %s", a, b)
	}
}

// A training that stops where settings are compared ends as one that does not, and those
// that are given up are the worst of those that came to where they were.
func TestPrunes(t *testing.T) {
	long.Test(t)
	w := create(t, 128, `seeds: [1, 2]
search: {method: random, trials: 9}
prune: {method: asha, min_steps: 16, factor: 2}
space:
  ppo.lr: {log: [1e-6, 1e-1]}
`)
	workers(t, w.Dir, 2)
	s, err := w.Status()
	if err != nil || !s.Ended() {
		t.Fatal(err, s)
	}
	states := map[journal.TrialState]int{}
	for i, x := range w.trials(w.journal.State(), w.search) {
		states[x.State]++
		rungs := len(x.Intermediate)
		if x.State == journal.Complete && rungs != 3 || x.State == journal.Pruned && rungs == 0 {
			t.Errorf("setting %d is %v after %d comparisons", i, x.State, rungs)
		}
		for k, r := range x.records {
			if len(r.Rungs) != rungs {
				t.Errorf("setting %d has %d comparisons, a training %d", i, rungs, len(r.Rungs))
			}
			if want := int64(16) << (rungs - 1); x.State == journal.Pruned && r.Step != want {
				t.Errorf("setting %d ended at step %d, want %d", i, r.Step, want)
			}
			if x.State == journal.Complete {
				dir := w.RunDir(i, w.Spec.Seeds[k])
				same(t, dir, alone(t, dir))
			}
		}
	}
	if states[journal.Complete] == 0 || states[journal.Pruned] == 0 || states[journal.Fail] > 0 {
		t.Errorf("states %v", states)
	}
	if s.Done+s.GivenUp != s.Trainings {
		t.Errorf("%d done and %d given up, of %d", s.Done, s.GivenUp, s.Trainings)
	}
}

// The best settings are trained again on the seeds of the report, each as a single run.
func TestReportSeeds(t *testing.T) {
	long.Test(t)
	s := read(t, strings.Replace(fmt.Sprintf(tinyBase, 64), "report: {settings: 0}", "report: {settings: 2, seeds: [7, 9]}", 1)+tinySpace)
	w, err := Create(context.Background(), s, filepath.Join(t.TempDir(), "sweep"), nil)
	if err != nil {
		t.Fatal(err)
	}
	workers(t, w.Dir, 3)
	got, err := w.Status()
	if err != nil || !got.Ended() || got.Done != 4*2+2*2 || got.Trainings != got.Done {
		t.Fatalf("%d of %d trainings done, %v", got.Done, got.Trainings, err)
	}
	best := got.Order()[:2]
	if len(got.Report) != 2 {
		t.Fatalf("%d settings were trained again, want 2", len(got.Report))
	}
	for i, x := range got.Report {
		if x.Number != best[i].Number || !slices.Equal(x.Point, best[i].Point) || x.Value != w.Spec.Objective.Of(x.Returns) {
			t.Errorf("setting %d was trained again, want %d: %+v", x.Number, best[i].Number, x)
		}
		for _, seed := range []uint64{7, 9} {
			dir := w.RunDir(x.Number, seed)
			same(t, dir, alone(t, dir))
		}
	}
	var b bytes.Buffer
	if err := w.Write(&b, got, 10); err != nil || strings.Count(b.String(), "on seeds that nothing was chosen on") != 2 {
		t.Errorf("%v\n%s", err, &b)
	}
}

func TestFitting(t *testing.T) {
	for _, c := range []struct {
		kB   string
		has  int64
		want int
	}{
		{"MemTotal: 9 kB\nMemAvailable:     524288 kB\n", 1 << 40, 4}, {"MemAvailable: 1 kB\n", 1 << 40, 1},
		{"MemAvailable: 99999999 kB\n", 1 << 40, 8}, {"", 1 << 40, 8}, {"MemAvailable: 99999999 kB\n", 3 * workerMemory, 3},
	} {
		if got := fitting(8, c.kB, c.has); got != c.want {
			t.Errorf("%q: %d workers, want %d", c.kB, got, c.want)
		}
	}
}

// Every method ends whatever it suggests.
func TestMethods(t *testing.T) {
	long.Test(t)
	for _, method := range []string{"sobol", "tpe", "cmaes"} {
		w := create(t, 8, `seeds: [1]
search: {method: `+method+`, trials: 14}
space:
  ppo.lr: {log: [1e-4, 1e-1]}
  ppo.epochs: {int: [1, 2]}
  ppo.gamma: {choices: [0, 0.5]}
`)
		workers(t, w.Dir, 2)
		returnsOf(t, w)
	}
}

// A worker that is asked to stop gives its training back, and another one goes on with it.
func TestGoesOn(t *testing.T) {
	w := create(t, 256, tinySpace)
	for i := range 5 {
		ctx, cancel := context.WithCancel(context.Background())
		again, err := Open(w.Dir)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				m, _ := runfolder.Metrics(w.RunDir(0, 1))
				if len(m) > 2*i {
					cancel()
					return
				}
			}
		}()
		if err := again.Work(ctx); err != nil && ctx.Err() == nil {
			t.Fatal(err)
		}
		cancel()
	}
	workers(t, w.Dir, 2)
	returnsOf(t, w)
	dir := w.RunDir(0, 1)
	same(t, dir, alone(t, dir))
}

func TestBadSweeps(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s.yaml")
	good := map[string]string{
		"base": "base: auto", "seeds": "seeds: [1, 2]", "search": "search: {method: random, trials: 3}",
		"space": "space: {ppo.lr: {log: [1e-5, 1e-2]}}",
	}
	for _, c := range []struct{ key, line, want string }{
		{"base", "base: missing.yaml", `:1: base is "missing.yaml", and there is no file ` + filepath.Join(dir, "missing.yaml")},
		{"base", "base: [1]", ":1: base is a list: a configuration file, a preset (auto, tuned, control, paper) or settings"},
		{"base", "base: {preset: best}", `:1: base.preset is "best": one of auto, tuned, control, paper is allowed`},
		{"base", "# to change\nbase:\n  steps: 100\n  stepz: 3", ":3: base: unknown key stepz; did you mean steps?"},
		{"base", "base: {env: {name: portfoli}}", `:1: base: env.name is "portfoli": portfolio, `},
		{"base", "", ": base is missing"},
		{"base", "base: auto\nseed: 3", ":2: unknown key seed: one of base, objective, prune, report, search, seeds, space is allowed"},
		{"seeds", "seeds: []", ":2: seeds is an empty list: a list of seeds"},
		{"seeds", "seeds: [1, 1]", ":2: seeds: seed 1 comes twice"},
		{"seeds", "seeds: 5..1", `:2: seeds: "5..1": seeds such as 1..10`},
		{"seeds", "seeds: [1, 2]\nreport: {seeds: [3, 2]}", ":3: report.seeds has 2, which seeds has too"},
		{"search", "search: {method: magic}", `:3: search.method is "magic": one of grid, random, sobol, tpe, cmaes`},
		{"search", "search: {method: random}", ":3: search.trials is missing"},
		{"search", "search: {method: random, trials: 0}", `:3: search.trials is "0": an integer from 1 to 1000000`},
		{"search", "search: {method: grid}", ":3: the grid has more than 1000000 settings: give ranges of the space points"},
		{"search", "search: {method: random, trials: 3, trials: 4}", ":3: search.trials is set twice"},
		{"search", "search: {method: random, trials: 3}\nprune: {method: asha}", ":4: prune needs method and min_steps"},
		{"search", "search: {method: random, trials: 3}\nprune: {method: asha, min_steps: 10, factor: 1}", `:4: prune.factor is "1": an integer from 2 to 1000`},
		{"space", "space: {}", ":4: space is empty"},
		{"space", "", ": space is missing"},
		{"space", "space: {ppo.lrr: {log: [1, 2]}}", ":4: space: unknown key ppo.lrr; did you mean ppo.lr?"},
		{"space", "space: {seed: {choices: [1]}}", ":4: space.seed: the seeds of all settings are those of seeds"},
		{"space", "space: {constraints: {choices: [a]}}", ":4: space.constraints: a setting that names a file belongs into base"},
		{"space", "space: {ppo: {choices: [1]}}", ":4: space: "},
		{"space", "space: {ppo.lr: {log: [0, 1]}}", ":4: space.ppo.lr is [0, 1]: [low, high] with finite numbers and 0 < low < high is allowed"},
		{"space", "space: {ppo.lr: {linear: [1, 1]}}", ":4: space.ppo.lr is [1, 1]: [low, high]"},
		{"space", "space: {ppo.envs: {log: [0.5, 8]}}", ":4: space.ppo.envs is [0.5, 8]: [low, high] with integers"},
		{"space", "space: {ppo.lr_schedule: {linear: [1, 2]}}", ":4: space.ppo.lr_schedule is no number"},
		{"space", "space: {ppo.lr: {choices: []}}", ":4: space.ppo.lr.choices is an empty list"},
		{"space", "space: {ppo.lr: {choices: [1e-3, 0.001]}}", ":4: space.ppo.lr.choices has 0.001 twice"},
		{"space", "space: {ppo.lr: {log: [1e-3, 1], linear: [0, 1]}}", ":4: space.ppo.lr has 2 kinds of values"},
		{"space", "space: {ppo.lr: 3}", `:4: space.ppo.lr is "3"`},
		{"space", "space: {ppo.lr: {log: [1e-3, 1]}, ppo.lr: {log: [1e-3, 1]}}", ":4: space.ppo.lr is set twice"},
		{"space", "space: {ppo.lr: {linear: [-1, 1]}}", ":4: space.ppo.lr: ppo.lr is -1: a number in (0, inf) is allowed"},
		{"base", "base: auto\n---\nseeds: 5", ":2: a second document begins: a file holds one"},
		{"space", "space: {ppo.lr_schedule: {choices: [linear, square]}}", `:4: space.ppo.lr_schedule: ppo.lr_schedule is "square": one of constant`},
	} {
		var text []string
		for _, key := range []string{"base", "seeds", "search", "space"} {
			line := good[key]
			if key == c.key {
				line = c.line
			}
			text = append(text, line)
		}
		if err := os.WriteFile(path, []byte(strings.Join(text, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := ReadSpec(path)
		if err == nil {
			err = s.check()
		}
		if err == nil || !strings.HasPrefix(strings.TrimPrefix(err.Error(), path), c.want) && !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q:\ngot  %v\nwant %s%s", c.line, err, path, c.want)
		}
	}
}

// A value that breaks what the base says is named beside it.
func TestValueThatDoesNotFitTheBase(t *testing.T) {
	s, err := ParseSpec("s", []byte("base: {env: {name: synthetic}, ppo: {steps_per_env: 32, minibatch: 512}}\nseeds: [1]\n"+
		"search: {method: grid}\nspace: {ppo.envs: {choices: [16, 8]}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := "s:4: space.ppo.envs: ppo.envs=8: base:1: ppo.minibatch is 512: at most envs * steps_per_env = 256 is allowed"
	if err := s.check(); err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestFoldersThatHoldSomethingAreRefused(t *testing.T) {
	w := create(t, 64, tinySpace)
	if _, err := Create(context.Background(), w.Spec, w.Dir, nil); err == nil || !strings.Contains(err.Error(), "holds a sweep: go on with it by --resume") {
		t.Errorf("a sweep: %v", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(context.Background(), w.Spec, dir, nil); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("something else: %v", err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "is no sweep") {
		t.Errorf("opened: %v", err)
	}
	if err := os.Remove(filepath.Join(w.Dir, JournalFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(w.Dir); err == nil || !strings.Contains(err.Error(), "journal.log does not begin with a study") {
		t.Errorf("opened without its journal: %v", err)
	}
}

// What best prints is the configuration of the best setting, and what export writes are
// all trainings.
func TestBestAndExport(t *testing.T) {
	long.Test(t)
	w := create(t, 64, tinySpace)
	if err := w.Best(io.Discard); err == nil {
		t.Error("the best of nothing")
	}
	workers(t, w.Dir, 2)
	s, err := w.Status()
	if err != nil {
		t.Fatal(err)
	}
	best := s.Order()[0]
	for _, x := range s.Settings {
		if x.Value > best.Value {
			t.Errorf("setting %d has %v, the best %v", x.Number, x.Value, best.Value)
		}
	}
	var b bytes.Buffer
	if err := w.Best(&b); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "best.yaml")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	lr, envs := [...]float64{1e-3, 1e-2}[int(best.Point[0])], [...]int{2, 4}[int(best.Point[1])]
	if c.PPO.LR != lr || c.PPO.Envs != envs || c.Seed != 3 {
		t.Errorf("lr %g, envs %d, seed %d; want %g, %d, 3", c.PPO.LR, c.PPO.Envs, c.Seed, lr, envs)
	}
	b.Reset()
	var whole struct {
		Ended    bool
		Best     int
		Settings []struct {
			Value  float64
			Params map[string]float64
			Seeds  map[string]Record
		}
	}
	if err := w.WriteJSON(&b, s); err != nil || json.Unmarshal(b.Bytes(), &whole) != nil {
		t.Fatalf("%v\n%s", err, &b)
	}
	got := whole.Settings[whole.Best]
	if !whole.Ended || whole.Best != best.Number || got.Value != best.Value || got.Params["ppo.lr"] != lr || got.Params["ppo.envs"] != float64(envs) ||
		len(got.Seeds) != 2 || *got.Seeds["2"].Return != best.Returns[1] {
		t.Errorf("JSON\n%s", &b)
	}
	b.Reset()
	if err := w.Export(&b); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(rows) != 1+8 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows[1:] {
		n, _ := strconv.Atoi(row[0])
		seed, _ := strconv.Atoi(row[5])
		if x, err := strconv.ParseFloat(row[7], 64); err != nil || x != s.Settings[n].Returns[seed-1] {
			t.Errorf("%v: return %v, want %v", row, x, s.Settings[n].Returns[seed-1])
		}
	}
}

func TestStatistics(t *testing.T) {
	xs := []float64{9, 1, 2, 3, 4, 5, 6, -7}
	for name, want := range map[string]float64{"iqm": (2. + 3 + 4 + 5) / 4, "mean": 23. / 8, "median": 3.5, "worst": -7} {
		if got := (&Objective{Statistic: name}).Of(xs); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

// The sweeps that the documentation shows can be trained.
func TestDocumentedSweeps(t *testing.T) {
	root, err := checkout.Root()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "sweeps.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "```yaml\n")
	text, _, found := strings.Cut(text, "```")
	if !found {
		t.Fatal("docs/sweeps.md shows no sweep")
	}
	s, err := parse(&parser{name: filepath.Join(root, "sweep.yaml")}, []byte(text))
	if err == nil {
		err = s.check()
	}
	if err != nil {
		t.Errorf("docs/sweeps.md: %v", err)
	}
	if s, err = ReadSpec(filepath.Join(root, "examples", "sweep", "portfolio.yaml")); err == nil {
		err = s.check()
	}
	if err != nil {
		t.Error(err)
	}
}

// The plan says where trainings may be given up, and where a first look comes too late for any.
func TestPlanSaysWhereIsPruned(t *testing.T) {
	for least, want := range map[int]string{
		8:  "at [8 16 32] steps the best 1/2 go on",
		64: "none is given up early: prune.min_steps is 64, and they train for 64 steps",
	} {
		s := read(t, fmt.Sprintf(tinyBase, 64)+tinySpace+fmt.Sprintf("prune: {method: asha, min_steps: %d, factor: 2}\n", least))
		var b bytes.Buffer
		if err := s.Plan(&b, 2); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), want+"\n") {
			t.Errorf("%q is missing in\n%s", want, &b)
		}
	}
}

// Processor time counts that of processes which a training starts.
func TestProcessorTimeOfChildren(t *testing.T) {
	before := processorTime()
	cmd := exec.Command("sh", "-c", "i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	took := (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	if got := processorTime() - before; took == 0 || got < took {
		t.Errorf("%v s, of which a child took %v", got, took)
	}
}
