package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"paspo/internal/run/agent"
	"paspo/internal/run/config"
	"paspo/internal/run/runfolder"
	"paspo/internal/sweep"
	"paspo/internal/sweep/spec"
	"paspo/rl"
)

// wholeSpec is a sweep of 128 trainings with networks of two shapes.
const wholeSpec = `base: {preset: paper, device: "%s", steps: %d, ppo: {eval_every: 0%s}}
seeds: 1..%d
search: {method: grid}
objective: {episodes: 20}
report: {settings: 0}
space:
  policy.encoder: {choices: [[64, 64], [32, 32]]}
  ppo.lr: {log: [1e-4, 1e-3], points: 2}
`

// whole runs a sweep on the card, with its folder and journal, and holds one training of
// each shape to a single run, bit for bit.
func (o *options) whole(ctx context.Context, w io.Writer) error {
	steps, seeds, sizes := min(o.steps, 20_000), 32, ""
	if o.small {
		steps, seeds, sizes = 64, 1, ", envs: 8, steps_per_env: 8, minibatch: 32, epochs: 1"
	}
	dir, err := os.MkdirTemp("", "gpu-check-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	of, err := spec.Parse("sweep", fmt.Appendf(nil, wholeSpec, o.device(), steps, sizes, seeds))
	if err != nil {
		return err
	}
	s, err := sweep.Create(ctx, of, filepath.Join(dir, "sweep"), nil)
	if err != nil {
		return err
	}
	start := time.Now()
	if err := s.Work(ctx); err != nil {
		return err
	}
	seconds := time.Since(start).Seconds()
	st, err := s.Status()
	if err != nil {
		return err
	}
	if st.Done != st.Trainings || st.Failed > 0 {
		return fmt.Errorf("%d of %d trainings done, %d failed: %w", st.Done, st.Trainings, st.Failed, st.Err())
	}
	for _, setting := range []int{0, len(st.Settings) - 1} {
		if err := o.single(ctx, s.RunDir(setting, 1), filepath.Join(dir, fmt.Sprint(setting))); err != nil {
			return err
		}
	}
	fmt.Fprintf(w, "%d trainings of %d steps, by one worker: %.1f s with everything, %.0f steps/s. One of each shape is a single run, bit for bit.\n",
		st.Trainings, steps, seconds, float64(st.Trainings)*float64(steps)/seconds)
	return nil
}

// single trains what a run of a sweep did, and compares the last checkpoints.
func (o *options) single(ctx context.Context, run, dir string) error {
	c, err := config.Load(filepath.Join(run, runfolder.ConfigFile), nil, nil)
	if err != nil {
		return err
	}
	r, err := agent.Start(c, dir)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := r.Advance(ctx, func(rl.Metrics) {}); err != nil {
		return err
	}
	var last [2][]byte
	for i, d := range []string{run, dir} {
		cp, err := agent.ReadCheckpoint(d, agent.Latest)
		if err != nil {
			return err
		}
		if last[i], err = os.ReadFile(cp.Path); err != nil {
			return err
		}
	}
	if !bytes.Equal(last[0], last[1]) {
		return fmt.Errorf("the last checkpoint of %s is not that of a single run", filepath.Base(run))
	}
	return nil
}
