package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"paspo/cmd/experiments/internal/output"
	"paspo/envs"
	"paspo/envs/portfolio"
	"paspo/internal/run/agent"
	"paspo/internal/run/config"
	"paspo/internal/run/report"
	"paspo/internal/run/runfolder"
	"paspo/internal/stats"
	"paspo/internal/sweep"
	"paspo/internal/sweep/spec"
	"paspo/policy"
)

// point is one evaluation during training.
type point struct {
	Step          int64
	Mode, Sampled float64 // mean returns of deterministic and of sampled actions
}

// run is one training and what its last policy does.
type run struct {
	Setting     string
	Seed        uint64
	Curve       []point
	Rule        policy.Rule // of the last policy's deterministic actions, which other episodes chose
	Final       float64     // their mean return
	Sampled     float64     // that of sampled actions
	MaxResidual float64
	Violations  int
	Seconds     float64 // of processor time, with evaluations during training

	Steps        int64
	TrainSeconds float64 // of the clock, without evaluations

	// Of limits that follow the state, in training and on the final episodes.
	States, Relaxed int
	MaxRelaxation   float64 // on the final episodes

	dir string
}

const (
	finalSeed = 1000   // of the episodes that last policies and references play
	maxSteps  = 10_000 // of an episode
)

// play plays an allocator on the episodes of a seed and returns its mean return: on the
// portfolio its expectation under the filter, which has the same mean and a fraction
// of the noise.
func play(p envs.Problem, a envs.Allocator, episodes int, seed uint64) (float64, *envs.Outcome, error) {
	var out *envs.Outcome
	var err error
	if q, ok := p.(*portfolio.Problem); ok {
		out, err = q.PlayPaths(q.SimulatedPaths(episodes, seed), a)
	} else {
		out, err = envs.Play(p, a, episodes, maxSteps, seed)
	}
	if err != nil {
		return 0, nil, err
	}
	return stats.Mean(out.Estimates()), out, nil
}

// note adds what was seen of constraints.
func (r *run) note(o *envs.Outcome) {
	r.MaxResidual = max(r.MaxResidual, o.MaxResidual)
	r.Violations += o.Violations
	for _, n := range o.Lengths {
		r.States += n
	}
	r.Relaxed += o.Relaxed
	r.MaxRelaxation = max(r.MaxRelaxation, o.MaxRelaxation)
}

// trainAll trains settings over seeds, plays the last policies and calls report for each. Runs are
// returned by setting and seed.
func trainAll(ctx context.Context, out *output.Folder, o options, settings []setting, episodes int, report func(*run)) ([][]*run, error) {
	all := make([][]*run, len(settings))
	for i, s := range settings {
		var err error
		if all[i], err = trained(ctx, out, o, s, episodes, report); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return all, nil
}

// trained trains a setting over seeds by a sweep, which goes on where it was.
func trained(ctx context.Context, out *output.Folder, o options, s setting, episodes int, report func(*run)) ([]*run, error) {
	w, err := sweepOf(ctx, o, s)
	if err != nil {
		return nil, err
	}
	status, err := ended(ctx, out, o, w)
	if err != nil {
		return nil, err
	}
	runs := make([]*run, len(o.seeds))
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(o.jobs)
	for i, seed := range o.seeds {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			r := &run{Setting: s.name, Seed: seed, dir: w.RunDir(0, seed)}
			if err := r.evaluate(status.Settings[0].Records[i], episodes); err != nil {
				return fmt.Errorf("seed %d: %w", seed, err)
			}
			mu.Lock()
			defer mu.Unlock()
			runs[i] = r
			report(r)
			return nil
		})
	}
	return runs, g.Wait()
}

// sweepOf makes the sweep of a setting over seeds, or opens it where it is there. Its folder is
// named after all that the numbers depend on.
func sweepOf(ctx context.Context, o options, s setting) (*sweep.Sweep, error) {
	c := *s.Config
	c.Steps = cmp.Or(o.steps, c.Steps)
	var base bytes.Buffer
	if err := c.Write(&base); err != nil {
		return nil, err
	}
	text := fmt.Appendf(nil, "base:\n  %s\nseeds: [%v]\nobjective: {episodes: 2}\nsearch: {method: grid}\nreport: {settings: 0}\nspace: {steps: {choices: [%d]}}\n",
		strings.ReplaceAll(strings.TrimSpace(base.String()), "\n", "\n  "), o.seeds, c.Steps)
	var read [][]byte
	files := c.Files()
	for _, key := range slices.Sorted(maps.Keys(files)) {
		data, err := os.ReadFile(files[key])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		read = append(read, data)
	}
	return openSweep(ctx, o, s.name, c.Env.Name, text, read)
}

// openSweep makes the sweep that a text describes, or opens it where it is there. Its folder is named
// after this program, the text and files that the text names.
func openSweep(ctx context.Context, o options, name, folder string, text []byte, files [][]byte) (*sweep.Sweep, error) {
	exe, err := program()
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s", exe, text)
	for _, data := range files {
		fmt.Fprintf(h, "%d\n%s", len(data), data)
	}
	dir := filepath.Join(o.dir, fmt.Sprintf("%s-%x", folder, h.Sum(nil)[:8]))
	if _, err := os.Stat(filepath.Join(dir, sweep.JournalFile)); !errors.Is(err, fs.ErrNotExist) {
		return sweep.Open(dir)
	}
	of, err := spec.Parse(name, text)
	if err != nil {
		return nil, err
	}
	return sweep.Create(ctx, of, dir, map[string]string{"command": runfolder.This().Command})
}

// ended trains what is left of a sweep. It is an error where all trainings failed.
func ended(ctx context.Context, out *output.Folder, o options, w *sweep.Sweep) (*sweep.Status, error) {
	status, err := w.Status()
	if err == nil && !status.Ended() {
		if err = sweepOn(ctx, out, o, w.Dir); err == nil {
			status, err = w.Status()
		}
	}
	if err != nil {
		return nil, err
	}
	return status, status.Err()
}

// sweepCommand is that of train, which this program has too.
const sweepCommand = "sweep"

// sweepOn trains what is left of a sweep, as train sweep run does (see main).
func sweepOn(ctx context.Context, out *output.Folder, o options, dir string) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, exe, sweepCommand, "run", "--resume", dir, "--jobs", strconv.Itoa(o.jobs))
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Stderr = out.Log
	return cmd.Run()
}

// program is the hash of this executable: what another one trained may differ.
var program = sync.OnceValues(func() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
})

// evaluate reads what a training has left and plays its last policy.
func (r *run) evaluate(rec *sweep.Record, episodes int) error {
	rows, err := runfolder.Metrics(r.dir)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if x, ok := row["eval_return"]; ok {
			r.Curve = append(r.Curve, point{int64(row["step"]), x, row["eval_return_sampled"]})
		}
	}
	a, c, err := agent.OpenRun(r.dir, agent.Latest, config.DeviceCPU)
	if err != nil {
		return err
	}
	defer a.Close()
	seen := report.Summarise(rows)
	r.MaxResidual, r.Violations = float64(seen.MaxResidual), seen.Violations
	r.Seconds, r.TrainSeconds = rec.Seconds, float64(seen.Seconds)
	r.Steps, r.States, r.Relaxed = c.Step, int(c.Step), seen.Relaxed
	r.Rule = a.Rule(c)
	for rule, to := range map[policy.Rule]*float64{r.Rule: &r.Final, policy.Sampled: &r.Sampled} {
		x, o, err := play(a.Problem, a.Allocator(c, rule, finalSeed), episodes, finalSeed)
		if err != nil {
			return err
		}
		*to = x
		r.note(o)
	}
	return nil
}

// totals are what the trainings of a setting come to.
type totals struct {
	final, sampled []float64
	violations     int
	residual       float64
	seconds        float64 // of one
}

func over(runs []*run) totals {
	t := totals{residual: math.Inf(-1)}
	for _, r := range runs {
		t.final, t.sampled = append(t.final, r.Final), append(t.sampled, r.Sampled)
		t.violations, t.residual = t.violations+r.Violations, max(t.residual, r.MaxResidual)
		t.seconds += r.Seconds / float64(len(runs))
	}
	return t
}
