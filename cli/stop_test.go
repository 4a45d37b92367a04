package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"paspo/internal/limits"
	"paspo/internal/run/agent"
	"paspo/internal/run/serve"
	"paspo/lp"
)

// One signal ends every command with the status 128 plus its number, also while the command waits for
// input and before training has begun. Earlier answers have been written.
func TestSignals(t *testing.T) {
	dir, _ := finished(t)
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		for _, args := range [][]string{
			{"act", dir},
			{"constraints", "bounds", "portfolio"},
			{"--out", filepath.Join(t.TempDir(), "run"), "--set", "debias.points=3000000", "--set", "debias.cache_dir="},
		} {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
			defer cancel()
			cmd := process(ctx, args...)
			var errs bytes.Buffer
			cmd.Stderr = &errs
			in, err1 := cmd.StdinPipe()
			out, err2 := cmd.StdoutPipe()
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(args[0], "--") {
				waitFor(t, filepath.Join(args[1], "intervals.bin"))
			} else {
				// One line that is answered, and then no input.
				io.WriteString(in, "[\n")
				if n, err := out.Read(make([]byte, 100)); n == 0 || err != nil {
					t.Fatal(err)
				}
			}
			began := time.Now()
			cmd.Process.Signal(s)
			io.Copy(io.Discard, out)
			cmd.Wait()
			t.Logf("%s, %s: ended after %v", s, args[0], time.Since(began).Round(time.Millisecond))
			if code := cmd.ProcessState.ExitCode(); code != 128+int(s) || !strings.Contains(errs.String(), "train: interrupted") {
				t.Errorf("%s, %v: exit status %d, %s", s, args, code, errs.String())
			}
		}
	}
}

// One signal ends a command that computes, one whose output nobody reads, and one whose input nobody
// writes.
func TestSignalsAtWork(t *testing.T) {
	dir, _ := finished(t)
	out := t.TempDir()
	folder := func(name string) string { return filepath.Join(out, name) }
	never := folder("never.csv")
	if err := syscall.Mkfifo(never, 0o600); err != nil {
		t.Fatal(err)
	}
	prices := filepath.Join("..", "examples", "portfolio", "prices.csv")
	plan := file(t, "sweep.yaml", "base: {env: {name: synthetic}, steps: 50_000_000}\nseeds: [1]\nsearch: {method: grid}\nspace: {ppo.lr: {choices: [1e-3, 1e-4]}}\n")
	for k, c := range []struct {
		seen string // a file that appears when work begins; empty where output shows that
		args []string
	}{
		{folder("run/metrics.jsonl"), with("--steps", "50_000_000", "--out", folder("run"))},
		{folder("sweep/runs/0000-seed-1"), []string{"sweep", "run", plan, "--out", folder("sweep")}},
		{folder("compared/runs/0000-seed-1"), []string{"compare", "--algos", "paspo,cpo", "--envs", "synthetic", "--steps", "50_000_000", "--out", folder("compared")}},
		{folder("walk/window-01"), []string{"portfolio", prices, "--steps", "50_000_000", "--out", folder("walk")}},
		{"", []string{"constraints", "sample", "portfolio", "-n", "100000000"}},
		{dir, []string{"eval", dir, "--episodes", "100000"}},
		{never, []string{"portfolio", never, "--out", folder("none")}},
		{never, []string{"--config", never}},
	} {
		s := []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP}[k%3]
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		cmd := process(ctx, c.args...)
		written, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if c.seen == never {
			in, err := os.OpenFile(never, os.O_WRONLY, 0) // waits for the reader
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
		} else if c.seen == dir {
			time.Sleep(200 * time.Millisecond)
		} else if c.seen != "" {
			waitFor(t, c.seen)
		} else if _, err := written.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		cmd.Process.Signal(s)
		state, err := cmd.Process.Wait()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s, %q: ended after %v", s, c.args[:2], time.Since(began).Round(time.Millisecond))
		// Before the command handles signals, they end it like any process.
		status := state.Sys().(syscall.WaitStatus)
		if code := state.ExitCode(); code != 128+int(s) && !(status.Signaled() && status.Signal() == s) {
			t.Errorf("%s, %q: exit status %d", s, c.args, code)
		}
	}
}

// A line that is too long gets an error like any other bad one.
func TestLongLine(t *testing.T) {
	in := io.MultiReader(strings.NewReader("[]\n["), io.LimitReader(zeros{}, 3*limits.Line), strings.NewReader("0]\n[0.1]\n"))
	var out, errs bytes.Buffer
	status := run(context.Background(), []string{"constraints", "bounds", "portfolio"}, in, &out, &errs)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if status != 1 || len(lines) != 3 || !strings.Contains(lines[0], `"lo"`) || lines[1] != `{"error":"line 2: the line is too long: at most 4 MiB is allowed"}` || !strings.Contains(lines[2], `"lo"`) {
		t.Errorf("status %d, %q, %s", status, lines, errs.String())
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = "0,"[i%2]
	}
	return len(p), nil
}

// FuzzActLines gives lines between two good ones to act: each that is not empty gets
// one line of JSON, an action within the constraints or an error with its number, and
// the good ones get what they always get.
func FuzzActLines(f *testing.F) {
	trainedOnce = true
	dir, _ := trained()
	a, cp, err := agent.OpenRun(dir, agent.Latest, "cpu")
	if err != nil {
		f.Fatal(err)
	}
	defer a.Close()
	spec := a.Problem.Spec()
	_, b, _ := spec.Polytope.Inequalities()
	// All of the wealth is in cash.
	obs := "[0.1,1,0" + strings.Repeat(",0", 11) + strings.Repeat(",0.1", 13) + "]"
	limited := func(first string) string {
		rest := strings.Repeat(",71", len(b)-1)
		return `{"obs":` + obs + `,"b":[` + first + rest + `]}`
	}
	for _, x := range []string{"1e308", "-1e308", "1e999", "NaN", "Infinity", "5e-324", "-0.0", "null", "1e15", "-1e15", "1e30", `"1"`} {
		f.Add([]byte(limited(x)))
		f.Add([]byte(strings.Replace(obs, "0.1", x, 1)))
	}
	for _, s := range []string{"", " ", obs, "[", "{", "null", "{}", `{"obs":null}`, `{"b":[]}`, "[[[[", "\x00", "\xff", "[1]\r", "\ufeff" + obs, "[1]\n\n[2]", limited("7")} {
		f.Add([]byte(s))
	}
	act, err := serve.NewActor(a, cp, false, 1)
	if err != nil {
		f.Fatal(err)
	}
	var want bytes.Buffer
	if err := serve.Lines(context.Background(), strings.NewReader(obs), &want, "observations", act); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		all := bytes.Join([][]byte{[]byte(obs), text, []byte(obs)}, []byte("\n"))
		var out bytes.Buffer
		_ = serve.Lines(context.Background(), bytes.NewReader(all), &out, "observations", act)
		lines := strings.SplitAfter(strings.TrimSuffix(out.String(), "\n"), "\n")
		if n := bytes.Count(all, []byte("\n")) + 1; len(lines) != n {
			t.Fatalf("%d answers for %d lines: %q", len(lines), n, lines)
		}
		if lines[0] != want.String() || lines[len(lines)-1]+"\n" != want.String() {
			t.Errorf("the good lines get %q, %q", lines[0], lines[len(lines)-1])
		}
		for i, line := range lines {
			var got struct {
				Action []float64
				Error  string
			}
			if err := json.Unmarshal([]byte(line), &got); err != nil || (got.Action == nil) == (got.Error == "") {
				t.Fatalf("%q: %v", line, err)
			}
			if got.Error != "" && !strings.HasPrefix(got.Error, fmt.Sprintf("line %d: ", i+1)) {
				t.Errorf("line %d: %q", i+1, got.Error)
			}
			if lim := (*lp.Limits)(nil); got.Action != nil && bytes.IndexByte(text, 'b') < 0 {
				if r, _ := spec.Polytope.WorstConstraint(got.Action, lim); !(r <= 1e-9) {
					t.Errorf("%q leaves the constraints by %g", line, r)
				}
			}
		}
	})
}

// await returns when its context ends, although the function does not check it.
func TestAwaitEndsWithItsContext(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	began, release := make(chan bool), make(chan bool)
	defer close(release)
	go func() {
		<-began
		stop()
	}()
	_, err := await(ctx, func(context.Context) (int, error) {
		close(began)
		<-release
		return 1, nil
	})
	var status *exitError
	if !errors.As(err, &status) || status.code != 130 {
		t.Errorf("error %v, want exit status 130", err)
	}
	if v, err := await(t.Context(), func(context.Context) (int, error) { return 2, nil }); v != 2 || err != nil {
		t.Errorf("%v, %v of what has ended", v, err)
	}
}

func TestCheckEndsWithItsContext(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), time.Hour)
	stop()
	var out, errs bytes.Buffer
	if status := run(ctx, []string{"constraints", "check", "portfolio"}, nil, &out, &errs); status != 130 || !strings.Contains(errs.String(), "interrupted") || out.Len() > 0 {
		t.Errorf("status %d, %q, %q", status, out.String(), errs.String())
	}
}
