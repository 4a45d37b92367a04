package sweep

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"paspo/internal/run/agent"
	"paspo/internal/run/config"
	"paspo/internal/sweep/spec"
	"paspo/rl"
)

// singleVariable makes the test binary train the configuration that it names, as a sweep
// does, but for the sweep.
const singleVariable = "PASPO_TEST_SINGLE"

func single(file string) error {
	c, err := config.Load(file, nil, nil)
	if err != nil {
		return err
	}
	r, err := agent.Start(c, file+".run")
	if err != nil {
		return err
	}
	defer r.Close()
	if err := r.Advance(context.Background(), func(rl.Metrics) {}); err != nil {
		return err
	}
	w := &Sweep{Spec: &spec.Spec{Objective: spec.Objective{Episodes: 200}}}
	_, err = w.evaluate(context.Background(), r)
	return err
}

// usage is what a process took.
type usage struct{ wall, processor float64 }

// timed runs this binary with a variable that says what it does.
func timed(set string) (u usage, err error) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), set, "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	start := time.Now()
	err = cmd.Run()
	u.wall = time.Since(start).Seconds()
	if s := cmd.ProcessState; s != nil {
		u.processor = (s.UserTime() + s.SystemTime()).Seconds()
	}
	return u, err
}

// atOnce is timed of several, each beside the others.
func atOnce(b *testing.B, sets ...string) []usage {
	all, errs := make([]usage, len(sets)), make([]error, len(sets))
	var group sync.WaitGroup
	for i, set := range sets {
		group.Go(func() { all[i], errs[i] = timed(set) })
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		b.Fatal(err)
	}
	return all
}

// BenchmarkThroughput compares a sweep of the portfolio by two workers with single trainings
// before and after it, one alone and two at once. speedup is steps a second of the sweep by those
// of one alone, and ceiling what two at once come to, which share caches, memory and disk;
// overhead is how much more processor time a training of the sweep takes than one of two at once,
// beside how much more that takes than one alone, and own which share of the workers' processor
// time was not that of trainings. tail is for which share of the time one worker was left, since
// the other found nothing more. Trainings are short and few unless PASPO_BENCH_SWEEP is set, as
// make sweep-bench does.
func BenchmarkThroughput(b *testing.B) {
	steps, trainings := 15_000, 4
	if os.Getenv("PASPO_BENCH_SWEEP") != "" {
		steps, trainings = 150_000, 40
	}
	var alone, pairs, workers []usage
	var wall, tail, training float64
	for b.Loop() {
		dir := b.TempDir()
		text := fmt.Sprintf("base: {preset: auto, steps: %d, device: cpu}\nseeds: 1..%d\nreport: {settings: 0}\nsearch: {method: grid}\nspace: {ppo.clip: {choices: [0.2]}}\n", steps, trainings)
		s, err := spec.Parse("sweep.yaml", []byte(text))
		if err != nil {
			b.Fatal(err)
		}
		w, err := Create(b.Context(), s, filepath.Join(dir, "sweep"), nil)
		if err != nil {
			b.Fatal(err)
		}
		made := 0
		one := func() string {
			made++
			c, err := w.Config(s.Method().Suggest(nil), uint64(1+made%4))
			if err != nil {
				b.Fatal(err)
			}
			file := filepath.Join(dir, fmt.Sprintf("single-%d.yaml", made))
			var text bytes.Buffer
			if err := c.Write(&text); err != nil {
				b.Fatal(err)
			}
			if err := os.WriteFile(file, text.Bytes(), 0o644); err != nil {
				b.Fatal(err)
			}
			return singleVariable + "=" + file
		}
		singles := func() {
			for range 2 {
				alone = append(alone, atOnce(b, one())...)
				pairs = append(pairs, atOnce(b, one(), one())...)
			}
		}
		singles()
		both := atOnce(b, workerVariable+"="+w.Dir, workerVariable+"="+w.Dir)
		singles()
		workers = append(workers, both...)
		wall += max(both[0].wall, both[1].wall)
		tail += math.Abs(both[0].wall - both[1].wall)
		st, err := w.Status()
		if err != nil || st.Done != trainings || st.Failed > 0 {
			b.Fatal(st, err)
		}
		training += st.Seconds
	}
	sum := func(all []usage) (u usage) {
		for _, x := range all {
			u.wall, u.processor = u.wall+x.wall, u.processor+x.processor
		}
		return u
	}
	mean := func(all []usage) usage {
		u, n := sum(all), float64(len(all))
		return usage{u.wall / n, u.processor / n}
	}
	n := float64(b.N * trainings)
	a, p, all := mean(alone), mean(pairs), sum(workers)
	speedup, ceiling := n*a.wall/wall, 2*a.wall/p.wall
	b.ReportMetric(speedup, "speedup")
	b.ReportMetric(ceiling, "ceiling")
	b.ReportMetric(100*speedup/ceiling, "of-ceiling-%")
	b.ReportMetric(100*(all.processor/n/p.processor-1), "overhead-%")
	b.ReportMetric(100*(p.processor/a.processor-1), "neighbour-%")
	b.ReportMetric(100*(1-training/all.processor), "own-%")
	b.ReportMetric(100*tail/wall, "tail-%")
	b.ReportMetric(n*float64(steps)/wall, "steps/s")
	b.ReportMetric(0, "ns/op")
}
