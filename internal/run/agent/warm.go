package agent

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"paspo/baselines"
	"paspo/internal/atomicfile"
	"paspo/internal/limits"
	"paspo/internal/run/config"
	"paspo/internal/run/report"
	"paspo/internal/run/runfolder"
	"paspo/rl"
)

// source reads the checkpoint that a run begins with: a file, or the newest one of a
// run's folder.
func source(path string) (*rl.Checkpoint, error) {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return rl.ReadCheckpoint(path)
	}
	if err := runfolder.Check(path); err != nil {
		return nil, err
	}
	return ReadCheckpoint(path, Latest)
}

// sourced returns a configuration that names the checkpoint file of a warm start in the
// place of a run.
func sourced(c *config.Config) (*config.Config, error) {
	if c.From == "" {
		return c, nil
	}
	from, err := source(c.From)
	if err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	out := *c
	out.From = from.Path
	return &out, nil
}

// warm gives a trainer at its start the parameters of the run that the configuration
// names.
func (a *Agent) warm(t *rl.Trainer) (*report.WarmStart, error) {
	from, err := source(a.Config.From)
	if err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	// Parameters of another distribution may have the same shapes and mean something else.
	if by := cmp.Or(from.Fact("algo.name"), baselines.PASPO); by != a.Config.Algo.Name {
		return nil, fmt.Errorf("from: %s was trained by %s, and algo.name is %s: a run of the same algorithm is allowed", from.Path, by, a.Config.Algo.Name)
	}
	w := &report.WarmStart{
		Checkpoint: from.Path, Iteration: from.Iteration, Steps: from.Step, Observations: int64(from.Policy.Normalizer.Seen.Count),
	}
	w.Differences, err = t.WarmStart(from)
	return w, err
}

// readWarm returns what a run has begun with, nil where that was a start of its own. It
// is for people to read, so that a run goes on without it.
func readWarm(dir string) *report.WarmStart {
	path := filepath.Join(dir, runfolder.WarmStartFile)
	data, err := limits.ReadFile(path, limits.Config)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	w := &report.WarmStart{}
	if err == nil {
		err = json.Unmarshal(data, w)
	}
	if err != nil {
		slog.Warn("the summary does not say what the run began with", "file", path, "reason", atomicfile.Cause(err))
		return nil
	}
	return w
}
