package sweep

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"paspo/internal/run/agent"
	"paspo/internal/run/config"
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
	w := &Sweep{Spec: &Spec{Objective: Objective{Episodes: 200}}}
	_, err = w.evaluate(context.Background(), r)
	return err
}

// BenchmarkThroughput compares a sweep of the portfolio by two workers with single trainings
// before and after it: speedup is steps a second of the sweep by those of one training,
// overhead how much more processor time a training of the sweep takes, and own which share of
// the workers' processor time was not that of trainings. Trainings are short
// and few unless PASPO_BENCH_SWEEP is set, as make sweep-bench does.
func BenchmarkThroughput(b *testing.B) {
	steps, trainings := 15_000, 4
	if os.Getenv("PASPO_BENCH_SWEEP") != "" {
		steps, trainings = 150_000, 40
	}
	run := func(set string) (wall, processor float64) {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), set, "GOMAXPROCS=1")
		cmd.Stderr = os.Stderr
		start := time.Now()
		if err := cmd.Run(); err != nil {
			b.Error(err)
		}
		return time.Since(start).Seconds(), (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	}
	var singleWall, singleProcessor, sweepWall, sweepProcessor, training float64
	singles := 0
	for b.Loop() {
		dir := b.TempDir()
		text := fmt.Sprintf("base: {preset: auto, steps: %d, device: cpu}\nseeds: 1..%d\nreport: {settings: 0}\nsearch: {method: grid}\nspace: {ppo.clip: {choices: [0.2]}}\n", steps, trainings)
		s, err := parse(&parser{name: "sweep.yaml"}, []byte(text))
		if err != nil {
			b.Fatal(err)
		}
		w, err := Create(b.Context(), s, filepath.Join(dir, "sweep"), nil)
		if err != nil {
			b.Fatal(err)
		}
		one := func(seed int) {
			c, err := w.Config(s.method().Suggest(nil), uint64(seed))
			if err != nil {
				b.Fatal(err)
			}
			file := filepath.Join(dir, fmt.Sprintf("single-%d.yaml", seed))
			f, err := os.Create(file)
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			if err := c.Write(f); err != nil {
				b.Fatal(err)
			}
			wall, processor := run(singleVariable + "=" + file)
			singleWall += wall
			singleProcessor += processor
			singles++
		}
		one(1)
		one(2)
		start := time.Now()
		done := make(chan float64)
		for range 2 {
			go func() {
				_, processor := run(workerVariable + "=" + w.Dir)
				done <- processor
			}()
		}
		sweepProcessor += <-done + <-done
		sweepWall += time.Since(start).Seconds()
		one(3)
		one(4)
		st, err := w.Status()
		if err != nil || st.Done != trainings || st.Failed > 0 {
			b.Fatal(st, err)
		}
		training += st.Seconds
	}
	n := float64(b.N * trainings)
	b.ReportMetric(singleWall/float64(singles)*n/sweepWall, "speedup")
	b.ReportMetric(100*(sweepProcessor/n/(singleProcessor/float64(singles))-1), "overhead-%")
	b.ReportMetric(100*(1-training/sweepProcessor), "own-%")
	b.ReportMetric(n*float64(steps)/sweepWall, "steps/s")
	b.ReportMetric(0, "ns/op")
}
