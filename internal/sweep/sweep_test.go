package sweep

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"paspo/internal/long"
	"paspo/internal/parquet"
	"paspo/internal/run/config"
	"paspo/internal/run/runfolder"
	"paspo/internal/sweep/journal"
	"paspo/internal/sweep/search"
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
			if want := int64(16) << (rungs - 1); x.State == journal.Pruned && (r.Step != want || s.Settings[i].At != want) {
				t.Errorf("setting %d ended at step %d, and status says %d, want %d", i, r.Step, s.Settings[i].At, want)
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

// A setting that has been trained to its end is not given up: a comparison within the last
// iteration would save nothing.
func TestNoneIsGivenUpAtTheEnd(t *testing.T) {
	w := create(t, 63, `seeds: [1, 2]
search: {method: random, trials: 6}
prune: {method: asha, min_steps: 60, factor: 2}
space:
  ppo.lr: {log: [1e-6, 1e-1]}
`)
	workers(t, w.Dir, 1)
	s, err := w.Status()
	if err != nil || !s.Ended() {
		t.Fatal(err, s)
	}
	for _, x := range s.Settings {
		if x.State != journal.Complete {
			t.Errorf("setting %d is %v at step %d", x.Number, x.State, x.Records[0].Step)
		}
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
	b.Reset()
	if err := w.Export(&b, "csv"); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(rows) != 1+4*2+2*2 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	seed, of := slices.Index(rows[0], "seed"), slices.Index(rows[0], "part")
	for _, row := range rows[1:] {
		if again := row[seed] == "7" || row[seed] == "9"; again != (row[of] == "report") || !again && row[of] != "search" {
			t.Errorf("a training of %q: %v", row[of], row)
		}
	}
}

func TestFitting(t *testing.T) {
	for memory, want := range map[int64]int{0: 1, 4 * workerMemory: 4, 4*workerMemory - 1: 3, math.MaxInt64: 8} {
		if got := fitting(8, memory); got != want {
			t.Errorf("%d bytes: %d workers, want %d", memory, got, want)
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

// A worker that waits for others runs nothing, as status tells it.
func TestWaitingWorkersDoNotRun(t *testing.T) {
	w := create(t, 64, "seeds: [1]\nsearch: {method: grid}\nspace: {ppo.lr: {choices: [1e-3, 1e-2]}}\n")
	other, err := Open(w.Dir)
	if err != nil {
		t.Fatal(err)
	}
	p, err := other.newPulse() // it holds setting 0, and does not train it
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	c, _, err := other.claim(context.Background(), &watch{dir: filepath.Join(w.Dir, workersDir)})
	if err != nil || c == nil {
		t.Fatal(c, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error)
	go func() { ended <- w.Work(ctx) }()
	late := time.Now().Add(20 * time.Second)
	// More than one look: a sign that is just being written reads as none.
	for quiet := 0; quiet < 5; time.Sleep(10 * time.Millisecond) {
		again, err := Open(w.Dir)
		if err != nil {
			t.Fatal(err)
		}
		s, err := again.Status()
		if err != nil {
			t.Fatal(err)
		}
		if quiet++; s.Done < 1 || len(s.Running) > 0 {
			quiet = 0
		}
		if time.Now().After(late) {
			t.Fatalf("%d of %d done, and a worker that waits counts as running: %+v", s.Done, s.Trainings, s.Running)
		}
	}
	cancel()
	<-ended
}

// A record of a training that a damaged line has taken costs none that comes after it.
func TestDamagedRecordCostsNoOther(t *testing.T) {
	w := create(t, 64, tinySpace)
	workers(t, w.Dir, 1)
	want := returnsOf(t, w)
	path := filepath.Join(w.Dir, JournalFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines, damaged := bytes.SplitAfter(whole, []byte("\n")), 0
	for i, line := range lines {
		if !bytes.Contains(line, []byte(`"state":"running"`)) {
			continue
		}
		damaged++
		text := bytes.Join(slices.Replace(slices.Clone(lines), i, i+1, []byte("garbage{\n")), nil)
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		again, err := Open(w.Dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := returnsOf(t, again); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("without line %d: returns %v, want %v", i+1, got, want)
		}
	}
	if damaged == 0 {
		t.Error("no record was damaged")
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

// A sweep whose file or base is another one than it began with is refused: its trainings would be
// taken for those of other settings. Undone, all is as before.
func TestChangedFilesAreRefused(t *testing.T) {
	base := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(base, []byte("env: {name: synthetic}\nsteps: 64\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	text := "base: " + base + "\n" + tinySpace + "objective: {episodes: 4}\nreport: {settings: 0}\n"
	w, err := Create(context.Background(), read(t, text), filepath.Join(t.TempDir(), "sweep"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, from, to string }{
		{SpecFile, "[1e-3, 1e-2]", "[1e-5, 1e-4]"}, {SpecFile, "ppo.envs", "ppo.epochs"}, {SpecFile, "seeds: [1, 2]", "seeds: [1, 3]"}, {baseFile, "64", "128"},
	} {
		path := filepath.Join(w.Dir, c.name)
		kept, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(kept, []byte(c.from)) {
			t.Fatal(err, string(kept))
		}
		if err := os.WriteFile(path, bytes.Replace(kept, []byte(c.from), []byte(c.to), 1), 0o644); err != nil {
			t.Fatal(err)
		}
		want := path + " has changed since the sweep began"
		if _, err := Open(w.Dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: opened with %s: %v", c.name, c.to, err)
		}
		if err := w.Work(context.Background()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: a worker goes on with %s: %v", c.name, c.to, err)
		}
		if err := os.WriteFile(path, kept, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.Facts()) != 1 {
		t.Errorf("sums are told as facts: %v", w.Facts())
	}
	if again, err := Open(w.Dir); err != nil {
		t.Error(err)
	} else if s, err := again.Status(); err != nil || len(s.Settings) > 0 {
		t.Errorf("something was trained meanwhile: %+v, %v", s, err)
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
	if err := w.Export(&b, "csv"); err != nil {
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
	b.Reset()
	if err := w.Export(&b, "parquet"); err != nil {
		t.Fatal(err)
	}
	table, err := parquet.Read(b.Bytes(), 1<<20)
	if err != nil || table.Rows != len(rows)-1 || !slices.Equal(table.Names(), rows[0]) {
		t.Fatalf("%+v, %v, want %q", table, err, rows[0])
	}
	for i, row := range rows[1:] {
		for j, want := range row {
			got := table.Text(i, j)
			x, failed := strconv.ParseFloat(got, 64)
			y, _ := strconv.ParseFloat(want, 64)
			if got != want && (failed != nil || x != y) {
				t.Errorf("row %d: %s is %q, want %q", i, rows[0][j], got, want)
			}
		}
	}
	if err := w.Export(&b, "xlsx"); err == nil || !strings.Contains(err.Error(), `--format is "xlsx": csv or parquet is allowed`) {
		t.Error(err)
	}
}

// A line of a terminal, which is cut off at its width, begins with how far a sweep is and how long
// it goes on.
func TestProgress(t *testing.T) {
	w := create(t, 64, tinySpace)
	var line string
	show := w.Progress(func(text string) { line = text })
	s := &Status{Best: -1, Trainings: 8, Steps: 8 * 64}
	show(s)
	if want := "0/8 trainings done, 0 running"; line != want {
		t.Errorf("got %q, want %q", line, want)
	}
	s.Settings = []Setting{{Value: 1.23456, Point: search.Point{1, 0}}}
	s.Best, s.Done, s.StepsDone, s.Failed, s.GivenUp = 0, 2, 4*64, 1, 1
	show(s)
	if want := "2/8 trainings done, 0 running, 1 given up, 1 failed, ETA 0s; best 1.235: ppo.lr=1e-2 ppo.envs=2"; line != want {
		t.Errorf("got %q, want %q", line, want)
	}
}

// A value of early steps is not held against that of a whole training.
func TestSettingsThatWereGivenUpAreLast(t *testing.T) {
	none := math.NaN()
	s := Status{Settings: []Setting{
		{Number: 0, Value: none, State: journal.Running}, {Number: 1, Value: 9, State: journal.Pruned, At: 10}, {Number: 2, Value: 1, State: journal.Complete},
		{Number: 3, Value: 8, State: journal.Pruned, At: 20}, {Number: 4, Value: 2, State: journal.Complete}, {Number: 5, Value: none, State: journal.Fail},
	}}
	var got []int
	for _, x := range s.Order() {
		got = append(got, x.Number)
	}
	if want := []int{4, 2, 3, 1, 0, 5}; !slices.Equal(got, want) {
		t.Errorf("settings in the order %v, want %v", got, want)
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
