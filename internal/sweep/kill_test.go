package sweep

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"paspo/internal/faultfs"
	"paspo/internal/long"
	"paspo/internal/rng"
)

// workerVariable makes the test binary a worker of the sweep that it names.
const workerVariable = "PASPO_TEST_SWEEP"

func TestMain(m *testing.M) {
	if file := os.Getenv(singleVariable); file != "" {
		if err := single(file); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if dir := os.Getenv(workerVariable); dir != "" {
		w, err := Open(dir)
		if err == nil {
			err = w.Work(context.Background())
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	poll = 50 * time.Millisecond
	os.Setenv("PASPO_FAKE_MEMORY", "268435456") // the fake driver fills all that is taken
	os.Exit(m.Run())
}

// process starts a worker.
func process(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), workerVariable+"="+dir, "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// Workers that are killed at any moment lose nothing and change nothing, and Optuna reads
// the journal all the while. How many kills a sweep lasts for is the machine's speed. With
// PASPO_TEST_KILLS there are as many kills of workers of a sweep of 40 trainings.
func TestKilledWorkers(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: kills workers for a while")
	}
	steps, seeds, most, least := 800, 2, 20, 4
	if n, err := strconv.Atoi(os.Getenv("PASPO_TEST_KILLS")); err == nil {
		steps, seeds, most, least = 6400, 10, n, n
	}
	space := strings.Replace(tinySpace, "[1, 2]", fmt.Sprintf("1..%d", seeds), 1)
	calm := create(t, steps, space)
	workers(t, calm.Dir, 2)
	want := returnsOf(t, calm)

	w := create(t, steps, space)
	var optuna *optunaReader
	if program, err := python(); err == nil {
		optuna = readByOptuna(t, program, w)
	} else {
		t.Logf("SKIPPED: Optuna cannot be installed, and does not read: %v", err)
	}
	r := rand.New(rng.New(1, "kills"))
	kills, trained := 0, 0 // trained: those who had a training when they were killed
	living := make([]*exec.Cmd, 3)
	for kills < most {
		for i, cmd := range living {
			if cmd == nil {
				living[i] = process(t, w.Dir)
			}
		}
		time.Sleep(time.Duration(r.IntN(200)) * time.Millisecond)
		s, err := w.Status()
		if err != nil {
			t.Fatal(err)
		}
		if s.Ended() {
			if kills < least || trained == 0 {
				t.Errorf("the sweep ended after %d kills, %d of them in the midst of a training: a longer one is needed", kills, trained)
			}
			break
		}
		i := r.IntN(len(living))
		victim := living[i].Process
		for _, x := range s.Settings {
			if slices.ContainsFunc(x.Records, func(r *Record) bool {
				return r != nil && r.State == stateRunning && strings.Contains(r.Worker, fmt.Sprintf("-%d-", victim.Pid))
			}) {
				trained++
			}
		}
		if err := victim.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if living[i].Wait() != nil {
			kills++
		}
		living[i] = nil
	}
	workers(t, w.Dir, 1)
	for _, cmd := range living {
		if cmd != nil {
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		}
	}
	if got := returnsOf(t, w); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%d kills: returns %v, want %v", kills, got, want)
	}
	for setting := range want {
		for _, seed := range w.Spec.Seeds {
			same(t, w.RunDir(setting, seed), calm.RunDir(setting, seed))
		}
	}
	text, err := os.ReadFile(filepath.Join(w.Dir, JournalFile))
	if err != nil {
		t.Fatal(err)
	}
	all := len(want) * seeds
	if n := strings.Count(string(text), `"state":"done"`); n != all {
		t.Errorf("%d trainings ended, want %d: one was trained twice", n, all)
	}
	t.Logf("%d kills, %d of them of workers in the midst of a training; %d trainings were taken %d times",
		kills, trained, all, strings.Count(string(text), `"state":"running"`))
	if optuna == nil {
		return
	}
	got := optuna.end(t)
	if len(got.Trials) != len(want) || got.Reads < 2 {
		t.Errorf("Optuna finds %d settings in %d reads", len(got.Trials), got.Reads)
	}
	for setting, x := range got.Trials {
		if x.State != "COMPLETE" {
			t.Errorf("Optuna finds setting %d %s", setting, x.State)
		}
		for i, seed := range w.Spec.Seeds {
			if r := x.Seeds[seedKey(seed)]; r.Return == nil || *r.Return != want[setting][i] {
				t.Errorf("Optuna finds %v for setting %d with seed %d, want %v", r.Return, setting, seed, want[setting][i])
			}
		}
	}
	t.Logf("Optuna read the journal %d times", got.Reads)
}

// Clocks that differ by minutes, forwards and backwards, take no training from a worker
// that lives: what is compared is what it shows, by the clock of who looks.
func TestSkewedClocks(t *testing.T) {
	dir := t.TempDir()
	others := &watch{dir: dir}
	path := filepath.Join(dir, "w")
	for _, skew := range []time.Duration{-time.Hour, 0, time.Hour} {
		if err := os.WriteFile(path, []byte(fmt.Sprintf(`{"host":"elsewhere","pid":7,"beat":%d}`, skew)), 0o644); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(skew)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		if others.dead("w") {
			t.Errorf("a sign of a clock %v ahead is one of the dead", skew)
		}
	}
	others.seen["w"].from = time.Now().Add(-2 * lease)
	if !others.dead("w") {
		t.Error("a worker without a sign for two leases lives")
	}
	if !others.dead("gone") {
		t.Error("a worker that has left lives")
	}
}

// A worker that others take for dead ends before it writes another iteration.
func TestFaintWorkerStops(t *testing.T) {
	w := create(t, 4000, tinySpace)
	p, err := w.newPulse()
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	c, _, err := w.claim(context.Background(), &watch{dir: filepath.Join(w.Dir, workersDir)})
	if err != nil || c == nil {
		t.Fatal(c, err)
	}
	p.mu.Lock()
	p.path = filepath.Join(w.Dir, "gone", w.worker) // no sign can be written
	p.last = time.Now().Add(-lease)
	p.mu.Unlock()
	if err := w.train(context.Background(), p, c); err == nil || !strings.Contains(err.Error(), errFaint.Error()) {
		t.Errorf("error %v", err)
	}
	s, err := w.Status()
	if err != nil || s.Settings[0].Records[0].State != statePaused {
		t.Errorf("the training is not given back: %v, %v", s.Settings[0].Records[0], err)
	}
}

// Of two who take a training at once, or of whom one is late, one has it.
func TestOneWorkerATraining(t *testing.T) {
	w := create(t, 64, tinySpace)
	late, err := Open(w.Dir)
	if err != nil {
		t.Fatal(err)
	}
	others := &watch{dir: filepath.Join(w.Dir, workersDir)}
	a, _, err := w.claim(context.Background(), others)
	if err != nil || a == nil {
		t.Fatal(a, err)
	}
	// Without a sign of life the first is dead, and the second goes on.
	b, _, err := late.claim(context.Background(), others)
	if err != nil || b == nil || b.seed != a.seed || b.record.Revision != a.record.Revision+1 {
		t.Fatal(b, err)
	}
	if err := w.journal.Read(); err != nil || w.holds(a) || !late.holds(b) {
		t.Errorf("both hold the training, or neither: %v, %v, %v", w.holds(a), late.holds(b), err)
	}
}

// Eight processes on one folder give what one worker gives, and each training is trained
// once.
func TestEightWorkers(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: starts eight processes")
	}
	one := create(t, 64, tinySpace)
	workers(t, one.Dir, 1)
	w := create(t, 64, tinySpace)
	var all []*exec.Cmd
	for range 8 {
		all = append(all, process(t, w.Dir))
	}
	for _, cmd := range all {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	if a, b := fmt.Sprint(returnsOf(t, w)), fmt.Sprint(returnsOf(t, one)); a != b {
		t.Errorf("eight workers %s, one %s", a, b)
	}
	text, err := os.ReadFile(filepath.Join(w.Dir, JournalFile))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), `"state":"running"`); n != 8 {
		t.Errorf("%d trainings were taken, want 8", n)
	}
	if left, _ := os.ReadDir(filepath.Join(w.Dir, workersDir)); len(left) > 0 {
		t.Errorf("%d workers are left", len(left))
	}
}

// A disk that turns read-only or fills up at any moment ends a worker with an error that
// says so, and the sweep goes on as if nothing had been.
func TestDiskThatFails(t *testing.T) {
	long.Test(t)
	calm := create(t, 32, tinySpace)
	workers(t, calm.Dir, 1)
	want := fmt.Sprint(returnsOf(t, calm))
	for kind, says := range map[faultfs.Kind]string{faultfs.ReadOnly: "read-only file system", faultfs.Full: "no space left on device"} {
		w := create(t, 32, tinySpace)
		for _, at := range []int{1, 2, 4, 9, 30, 45, 60, 90} {
			again, err := Open(w.Dir)
			if err != nil {
				t.Fatal(err)
			}
			_, restore := faultfs.Use(kind, at)
			err = again.Work(context.Background())
			restore()
			if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v at %d: error %v", kind, at, err)
			}
			os.Remove(filepath.Join(w.Dir, JournalFile+".lock")) // which could not be removed
		}
		workers(t, w.Dir, 2)
		if got := fmt.Sprint(returnsOf(t, w)); got != want {
			t.Errorf("%v: returns %s, want %s", kind, got, want)
		}
	}
}
