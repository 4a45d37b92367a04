package sweep

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"paspo/internal/sweep/journal"
)

// A training that diverges wherever it is tried is done and has failed; its setting is given
// up, and those after it are trained.
func TestTrainingsThatDiverge(t *testing.T) {
	const rest = "seeds: [1, 2]\nsearch: {method: grid}\nspace: {ppo.lr: {choices: [%s]}}\n"
	for _, c := range []struct {
		lrs          string
		failed, done int
	}{{"1e30", 1, 0}, {"1e30, 1e-3", 1, 2}} {
		w := create(t, 64, fmt.Sprintf(rest, c.lrs))
		if err := w.Work(context.Background()); err != nil {
			t.Fatal(err)
		}
		s, err := w.Status()
		if err != nil {
			t.Fatal(err)
		}
		if !s.Ended() || s.Failed != c.failed || s.Done != c.done || s.Settings[0].State != journal.Fail {
			t.Errorf("%s: ended %v, %d failed, %d done, setting 0 %v", c.lrs, s.Ended(), s.Failed, s.Done, s.Settings[0].State)
		}
		var b bytes.Buffer
		if err := w.Export(&b, "csv"); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(&b).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		states := map[string]int{}
		for _, row := range rows[1:] {
			states[row[5]]++
		}
		if states[stateFailed] != s.Failed || states[stateDone] != s.Done || states[stateGivenUp] != s.GivenUp || len(rows) != 1+s.Trainings {
			t.Errorf("%s: the lines are\n%v", c.lrs, rows)
		}
		if err := s.Err(); (err == nil) == (c.done == 0) || err != nil && !strings.Contains(err.Error(), "1 of 2 trainings failed, the first one by: training stopped") {
			t.Errorf("%s: the status is %v", c.lrs, err)
		}
		err = w.Best(io.Discard)
		if c.done > 0 && err != nil || c.done == 0 && (err == nil || !strings.Contains(err.Error(), "nothing is left to train: 1 of 2 trainings failed")) {
			t.Errorf("%s: the best: %v", c.lrs, err)
		}
	}
}

// A training ends soon after another seed of its setting has failed, and goes on from there where that
// one is tried again.
func TestOtherSeedsOfOneThatFailed(t *testing.T) {
	ctx := context.Background()
	was := poll
	poll = 0 // look after every iteration
	t.Cleanup(func() { poll = was })
	w := create(t, 800, "seeds: [1, 2]\nsearch: {method: grid}\nspace: {ppo.lr: {choices: [1e-3]}}\n")
	p, err := w.newPulse()
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	others := &watch{dir: filepath.Join(w.Dir, workersDir)}
	claim := func() *claim {
		c, _, err := w.claim(ctx, others)
		if err != nil || c == nil {
			t.Fatal(c, err)
		}
		return c
	}
	first, second := claim(), claim()
	if err := w.record(ctx, first, nil, 8, 1, errors.New("the environment raised")); err != nil {
		t.Fatal(err)
	}
	if _, done, err := w.claim(ctx, others); !done || err != nil {
		t.Fatal(done, err)
	}
	if _, step, err := w.advance(ctx, p, second); !errors.Is(err, errGivenUp) || step >= 800 {
		t.Errorf("step %d, error %v", step, err)
	}
	if err := w.train(ctx, p, second); err != nil {
		t.Error(err) // the worker goes on with others
	}
	if n, err := w.Retry(ctx); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if err := w.Work(ctx); err != nil {
		t.Fatal(err)
	}
	s, err := w.Status()
	if err != nil || s.Done != 2 || s.Failed != 0 {
		t.Fatal(s, err)
	}
	same(t, w.RunDir(0, 2), alone(t, w.RunDir(0, 2)))
}

// A training that crashes its workers is done and has failed, and what comes after it is
// trained. Workers that are killed do not count.
func TestTrainingThatCrashes(t *testing.T) {
	w := create(t, 64, "seeds: [1]\nsearch: {method: grid}\nspace: {ppo.lr: {choices: [1e-3, 1e-4]}}\n")
	for _, c := range []struct {
		setting int
		crashes bool
	}{{0, false}, {0, true}, {0, false}, {0, true}, {0, false}, {0, true}, {1, false}} {
		next, err := Open(w.Dir)
		if err != nil {
			t.Fatal(err)
		}
		others := &watch{dir: filepath.Join(w.Dir, workersDir)}
		got, done, err := next.claim(context.Background(), others)
		if err != nil || done || got == nil || got.setting != c.setting {
			t.Fatalf("got %+v, %v, %v, want setting %d", got, done, err, c.setting)
		}
		const pid = 1 << 30
		gone := journal.Self()
		gone.PID, gone.Start = pid, "0" // as of a process that has ended
		if err := os.WriteFile(filepath.Join(others.dir, next.worker), marshal(sign{Process: gone}), 0o644); err != nil {
			t.Fatal(err)
		}
		if c.crashes {
			w.sawCrash(pid)
		}
		if !others.dead(next.worker) || others.crashed(next.worker) != c.crashes {
			t.Fatalf("%s is not dead, or crashed is not %v", next.worker, c.crashes)
		}
	}
	if err := w.Work(context.Background()); err != nil {
		t.Fatal(err)
	}
	s, err := w.Status()
	if err != nil {
		t.Fatal(err)
	}
	if !s.Ended() || s.Failed != 1 || s.Done != 1 || s.Settings[0].State != journal.Fail || s.Settings[1].State != journal.Complete {
		t.Errorf("%+v", s)
	}
}

// A worker that cannot train the base ends before it takes anything, so that others can train
// it all.
func TestWorkerThatCannotTrainTheBase(t *testing.T) {
	constraints := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(constraints, []byte("entities: [a, b, c]\ntotal: 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	base := strings.Replace(tinyBase, "synthetic: {rows: 5, seed: 3}}", "synthetic: {entities: 3, seed: 1}}\n  constraints: "+constraints, 1)
	w, err := Create(context.Background(), read(t, fmt.Sprintf(base, 16)+"seeds: [1, 2]\nsearch: {method: grid}\nspace: {ppo.lr: {choices: [1e-3]}}\n"),
		filepath.Join(t.TempDir(), "{a sweep: #1\n"), nil) // a name that YAML takes for something else
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(w.Dir, filesDir, "constraints.yaml")
	kept, err := os.ReadFile(copied)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := w.Work(context.Background()); err == nil || !strings.Contains(err.Error(), w.Dir+": this worker cannot train the base: "+copied+": the file is empty") {
		t.Errorf("without constraints: %v", err)
	}
	if s, err := w.Status(); err != nil || s.Done != 0 || s.Failed != 0 || len(s.Settings) != 0 {
		t.Errorf("without constraints: %+v, %v", s, err)
	}
	if err := os.WriteFile(copied, kept, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := w.Work(context.Background()); err != nil {
		t.Fatal(err)
	}
	if s, err := w.Status(); err != nil || !s.Ended() || s.Done != 2 || s.Failed != 0 {
		t.Errorf("with constraints: %+v, %v", s, err)
	}
}

// A worker of another machine that was killed between two trainings shows the last one for ever. It
// runs nothing, as no record of the journal is its own.
func TestSignsOfWorkersThatHoldNothing(t *testing.T) {
	w := create(t, 64, "seeds: [1]\nsearch: {method: grid}\nspace: {ppo.lr: {choices: [1e-3]}}\n")
	elsewhere := journal.Self()
	elsewhere.Host = "elsewhere"
	left := sign{Process: elsewhere, Run: w.RunDir(0, 1), Step: 8, Steps: 64}
	if err := os.WriteFile(filepath.Join(w.Dir, workersDir, "elsewhere-1"), marshal(left), 0o644); err != nil {
		t.Fatal(err)
	}
	running := func(want int) {
		t.Helper()
		s, err := w.Status()
		if err != nil {
			t.Fatal(err)
		}
		if s.running() != want {
			t.Errorf("%d running, want %d: %+v", s.running(), want, s.Running)
		}
	}
	running(0)
	other, err := Open(w.Dir)
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := other.claim(context.Background(), &watch{dir: filepath.Join(w.Dir, workersDir)})
	if err != nil || c == nil {
		t.Fatal(c, err)
	}
	running(0)
	left.Beat++
	if err := os.WriteFile(filepath.Join(w.Dir, workersDir, other.worker), marshal(left), 0o644); err != nil {
		t.Fatal(err)
	}
	running(1)
	if err := other.record(context.Background(), c, nil, 8, 1, errTooMany); err != nil {
		t.Fatal(err)
	}
	running(0)
	if err := w.Work(context.Background()); err != nil {
		t.Fatal(err)
	}
	running(0)
}

// A training that failed for what has been repaired is tried again from its last checkpoint, and
// comes to what it would have without the failure, with the trainings that had ended kept.
func TestRetry(t *testing.T) {
	ctx := context.Background()
	s0 := read(t, strings.Replace(fmt.Sprintf(tinyBase, 64), "{settings: 0}", "{settings: 1}", 1)+"seeds: [1, 2]\nsearch: {method: grid}\nspace: {ppo.lr: {choices: [1e-3, 1e-4]}}\n")
	w, err := Create(ctx, s0, filepath.Join(t.TempDir(), "sweep"), nil)
	if err != nil {
		t.Fatal(err)
	}
	others := &watch{dir: filepath.Join(w.Dir, workersDir)}
	c, _, err := w.claim(ctx, others)
	if err != nil || c == nil {
		t.Fatal(c, err)
	}
	p, err := w.newPulse()
	if err != nil {
		t.Fatal(err)
	}
	c.until = 16
	_, step, err := w.advance(ctx, p, c)
	p.close()
	if err != nil || step < 16 || step >= 64 {
		t.Fatal(step, err)
	}
	if err := w.record(ctx, c, nil, step, 1, errors.New("the environment raised")); err != nil {
		t.Fatal(err)
	}
	if err := w.Work(ctx); err != nil {
		t.Fatal(err)
	}
	status := func() *Status {
		t.Helper()
		again, err := Open(w.Dir)
		if err != nil {
			t.Fatal(err)
		}
		s, err := again.Status()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := status(); !s.Ended() || s.Failed != 1 || s.Done != 4 || s.Best != 1 {
		t.Fatalf("before: %+v", s)
	}
	other, err := Open(w.Dir) // has read the journal before
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Status(); err != nil {
		t.Fatal(err)
	}
	if n, err := w.Retry(ctx); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := other.Retry(ctx); n != 0 || err != nil {
		t.Fatal("what is tried again already: ", n, err)
	}
	if s := status(); s.Ended() || s.Failed != 0 || s.Done != 4 || s.Settings[0].Records[0].Step != step {
		t.Fatalf("after: %+v", s)
	}
	if err := other.Work(ctx); err != nil {
		t.Fatal(err)
	}
	s := status()
	if !s.Ended() || s.Failed != 0 || s.Done != s.Trainings || s.Settings[0].State != journal.Complete {
		t.Errorf("at the end: %+v", s)
	}
	dir := w.RunDir(0, 1)
	same(t, dir, alone(t, dir))
}
