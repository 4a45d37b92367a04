package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"paspo/internal/limits"
	"paspo/internal/run/agent"
	"paspo/internal/run/config"
	"paspo/rl"
)

// trained is a small run.
func trained(t testing.TB, assignments ...string) (*agent.Agent, *rl.Checkpoint) {
	t.Helper()
	c, err := config.Load("", append([]string{
		"steps=512", "device=cpu", "debias.points=1000", "debias.cache_dir=", "policy.head_scale=1", "ppo.epochs=1", "ppo.eval_every=0", "ppo.checkpoint_every=0",
	}, assignments...), nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	r, err := agent.Start(c, dir)
	if err != nil {
		t.Fatal(err)
	}
	err = r.Train(context.Background(), func(rl.Metrics) {})
	r.Close()
	if err != nil {
		t.Fatal(err)
	}
	a, cp, err := agent.OpenRun(dir, agent.Latest, config.DeviceCPU)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a, cp
}

// observations are lines for the portfolio.
func observations(r *rand.Rand, count int) []string {
	var lines []string
	for range count {
		obs := []float64{100 * (0.5 + r.Float64())}
		sum := 0.
		for range 13 {
			x := r.ExpFloat64()
			obs, sum = append(obs, x), sum+x
		}
		for i := range 13 {
			obs[1+i] /= sum
		}
		obs = append(obs, 0)
		for range 12 {
			obs = append(obs, 0.05*r.NormFloat64())
		}
		b, _ := json.Marshal(obs)
		lines = append(lines, string(b))
	}
	return lines
}

// The answer to a line does not depend on other lines: lines that arrive at once, a byte at a time or
// each alone have the same answers, sampled ones too.
func TestBatches(t *testing.T) {
	a, cp := trained(t, "env.name=portfolio-limited")
	r := rand.New(rand.NewPCG(1, 1))
	var lines []string
	for i, obs := range observations(r, 120) {
		switch i % 10 {
		case 3:
			lines = append(lines, "")
		case 4:
			lines = append(lines, fmt.Sprintf(`{"id":%d,"obs":%s,"b":[0.5,null,0.6,0.7,0.5]}`, i, obs))
		case 5:
			lines = append(lines, fmt.Sprintf(`{"id":"i%d","obs":%s,"b":[-9,-9,-9,-9,-9]}`, i, obs)) // limits that no allocation satisfies
		case 6:
			lines = append(lines, fmt.Sprintf(`{"obs":%s,"upper":[%snull],"lower":[0.01%s]}`, obs, strings.Repeat("0.4,", 12), strings.Repeat(",null", 12)))
		case 7:
			lines = append(lines, "[1"+obs[1:], "nonsense")
		}
		lines = append(lines, obs)
	}
	text := strings.Join(lines, "\n")
	for _, sampled := range []bool{false, true} {
		answers := func(in io.Reader) string {
			s, err := NewActor(a, cp, sampled, 3)
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			if err := Lines(context.Background(), in, &out, "observations", s); err == nil || !strings.Contains(err.Error(), " observations could not be answered") {
				t.Errorf("error %v", err)
			}
			return out.String()
		}
		want := answers(iotest.OneByteReader(strings.NewReader(text)))
		if got := answers(strings.NewReader(text)); got != want {
			t.Error("lines that come at once have other answers")
		}
		if got := answers(iotest.HalfReader(strings.NewReader(text + "\n"))); got != want {
			t.Error("lines that come in parts have other answers")
		}
		all := strings.Split(strings.TrimSuffix(want, "\n"), "\n")
		if len(all) != len(lines) {
			t.Fatalf("%d answers for %d lines", len(all), len(lines))
		}
		alone, err := NewActor(a, cp, sampled, 3)
		if err != nil {
			t.Fatal(err)
		}
		actions := 0
		for i, line := range lines {
			b := &Batch{First: i + 1}
			b.add([]byte(line), nil)
			var out strings.Builder
			if _, err := alone.Answer(&out, b); err != nil || out.String() != all[i]+"\n" {
				t.Fatalf("line %d: alone %q, in a batch %q, error %v", i+1, out.String(), all[i], err)
			}
			var q request
			if line != "" && q.read([]byte(line)) == nil && q.id != nil && !strings.HasPrefix(all[i], `{"id":`+string(q.id)+",") {
				t.Errorf("no id %s in %s", q.id, all[i])
			}
			actions += strings.Count(all[i], `"action":[`)
		}
		if actions < 120 || actions == len(lines) {
			t.Errorf("%d actions for %d lines", actions, len(lines))
		}
	}
}

// A line that is too long gets an error in its place among the answers.
func TestLongLine(t *testing.T) {
	in := "[1]\n" + strings.Repeat(" ", limits.Line+1) + "\n[2]"
	var out strings.Builder
	err := Lines(context.Background(), strings.NewReader(in), &out, "lines", Each(func(line []byte) (any, error) { return Numbers("it", line) }))
	if err == nil || out.String() != "[1]\n{\"error\":\"line 2: the line is too long: at most 4 MiB is allowed\"}\n[2]\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

// All lines are answered where there are more than one batch holds.
func TestManyLines(t *testing.T) {
	const count = 3*mostLines + 17
	var out bytes.Buffer
	err := Lines(context.Background(), strings.NewReader(strings.Repeat("[1]\n", count)), &out, "lines", Each(func(line []byte) (any, error) { return Numbers("it", line) }))
	if n := strings.Count(out.String(), "[1]\n"); err != nil || n != count || out.Len() != 4*count {
		t.Errorf("%d answers, %v", n, err)
	}
}

// Lines returns when its context ends while it waits, and on errors of reading and writing.
func TestLinesEnds(t *testing.T) {
	answer := Each(func(line []byte) (any, error) { return 1, nil })
	in, feed := io.Pipe()
	defer feed.Close()
	ctx, cancel := context.WithCancel(context.Background())
	answered := make(chan struct{})
	go func() {
		fmt.Fprintln(feed, "x")
		<-answered
		cancel()
	}()
	if err := Lines(ctx, in, writerFunc(func(p []byte) (int, error) { close(answered); return len(p), nil }), "lines", answer); err != context.Canceled {
		t.Errorf("got %v", err)
	}
	broken := errors.New("broken")
	if err := Lines(context.Background(), io.MultiReader(strings.NewReader("x\n"), iotest.ErrReader(broken)), io.Discard, "lines", answer); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if err := Lines(context.Background(), strings.NewReader("x\n"), writerFunc(func([]byte) (int, error) { return 0, broken }), "lines", answer); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func BenchmarkAct(b *testing.B) {
	for _, name := range []string{"portfolio", "portfolio-limited"} {
		b.Run(name, func(b *testing.B) {
			a, cp := trained(b, "env.name="+name)
			s, err := NewActor(a, cp, false, 1)
			if err != nil {
				b.Fatal(err)
			}
			batch := &Batch{First: 1}
			for _, line := range observations(rand.New(rand.NewPCG(1, 1)), 2048) {
				batch.add([]byte(line), nil)
			}
			b.ReportAllocs()
			for b.Loop() {
				if failed, err := s.Answer(io.Discard, batch); failed > 0 || err != nil {
					b.Fatal(failed, err)
				}
			}
			b.ReportMetric(float64(b.N*batch.Len())/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
