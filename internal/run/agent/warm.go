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
	"reflect"

	"paspo/baselines"
	"paspo/internal/atomicfile"
	"paspo/internal/limits"
	"paspo/internal/run/config"
	"paspo/internal/run/report"
	"paspo/internal/run/runfolder"
	"paspo/rl"
)

// readSource reads the checkpoint of a warm start: a file, or the newest one of a run folder.
func readSource(path string) (*rl.Checkpoint, error) {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return rl.ReadCheckpoint(path)
	}
	if err := runfolder.Check(path); err != nil {
		return nil, err
	}
	return ReadCheckpoint(path, Latest)
}

// ConfigOf returns the configuration file of the run of a warm start, which path names as readSource
// takes it. It is empty where there is no such file.
func ConfigOf(path string) string {
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		path = filepath.Dir(filepath.Dir(path)) // from RUN/checkpoints/FILE
	}
	file := filepath.Join(path, runfolder.ConfigFile)
	if _, err := os.Stat(file); err != nil {
		return ""
	}
	return file
}

// withSourceFile returns a configuration that names the checkpoint file of a warm start where it
// names a run.
func withSourceFile(c *config.Config) (*config.Config, error) {
	if c.From == "" {
		return c, nil
	}
	from, err := readSource(c.From)
	if err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	out := *c
	out.From = from.Path
	return &out, nil
}

// warmStart gives a trainer at its start the parameters of the run that the configuration names.
func (a *Agent) warmStart(t *rl.Trainer) (*report.WarmStart, error) {
	from, err := readSource(a.Config.From)
	if err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	// Parameters of another family of distributions may have the same shapes.
	if by := cmp.Or(from.Fact("algo.name"), baselines.PASPO); by != a.Config.Algo.Name {
		return nil, fmt.Errorf("from: %s was trained by %s, and algo.name is %s: a run of the same algorithm is allowed", from.Path, by, a.Config.Algo.Name)
	}
	w := &report.WarmStart{
		Checkpoint: from.Path, Iteration: from.Iteration, Steps: from.Step, Observations: int64(from.Policy.Normalizer.Seen.Count),
	}
	if w.Differences, err = t.WarmStart(from); err != nil {
		return nil, err
	}
	if file := ConfigOf(a.Config.From); file != "" {
		if c, err := config.Load(file, nil, nil); err == nil && !reflect.DeepEqual(c.Debias, a.Config.Debias) {
			w.Differences = append(w.Differences, "its settings of debias are others, and those of this run have no effect: nothing is fitted")
		}
	}
	return w, nil
}

// readWarm returns the warm start of a run, nil where it had none. Only the summary shows it, so
// that a damaged file is a warning.
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
