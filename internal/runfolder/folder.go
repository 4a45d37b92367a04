// Package runfolder keeps what a training run leaves behind in one folder.
package runfolder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"paspo/internal/atomicfile"
	"paspo/internal/tensorboard"
	"paspo/ppo"
)

// Names in a run folder. Event files lie beside them.
const (
	ConfigFile    = "config.yaml"
	MetricsFile   = "metrics.jsonl"
	CheckpointDir = "checkpoints"
	DebiasFile    = "debias.json"
	IntervalsFile = "intervals.bin"
	SummaryFile   = "summary.json"
	CurveFile     = "learning_curve" // .png and .svg
)

// Folder is the folder of a run that is being trained. Two processes cannot
// train the same run.
type Folder struct {
	dir     string
	metrics *os.File
	events  *tensorboard.Writer
}

// Create makes the folder of a new run. One that holds anything is refused.
func Create(dir string) (*Folder, error) {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		if IsRun(dir) {
			return nil, fmt.Errorf("the run %s exists already: name another folder with --out, or go on with it by --resume %s", dir, dir)
		}
		return nil, fmt.Errorf("the folder %s is not empty: name another one with --out", dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot make the run folder %s: %w", dir, atomicfile.Cause(err))
	}
	f := &Folder{dir: dir}
	if err := f.open(os.O_CREATE | os.O_EXCL); err != nil {
		return nil, err
	}
	var err error
	if f.events, err = tensorboard.Create(dir, time.Now()); err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot write an event file in %s: %w", dir, atomicfile.Cause(err))
	}
	return f, nil
}

// Continue opens the folder of a run to go on from a step: what was recorded
// beyond it is cut off.
func Continue(dir string, step int64) (*Folder, error) {
	if err := Check(dir); err != nil {
		return nil, err
	}
	f := &Folder{dir: dir}
	if err := f.open(os.O_CREATE); err != nil {
		return nil, err
	}
	if err := cutMetrics(f.metrics, step); err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot cut %s to step %d: %w", f.Path(MetricsFile), step, atomicfile.Cause(err))
	}
	var err error
	if f.events, err = tensorboard.Continue(dir, step, time.Now()); err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot cut the event file in %s to step %d: %w", dir, step, atomicfile.Cause(err))
	}
	return f, nil
}

// open takes the lock and opens the metrics.
func (f *Folder) open(flag int) error {
	path := f.Path(MetricsFile)
	m, err := os.OpenFile(path, os.O_RDWR|flag, 0o644)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, atomicfile.Cause(err))
	}
	if err := syscall.Flock(int(m.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		m.Close()
		return fmt.Errorf("the run %s is being trained by another process", f.dir)
	}
	// A file system without locks is no reason not to train.
	f.metrics = m
	return nil
}

// IsRun says whether a folder holds a run.
func IsRun(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, ConfigFile))
	return err == nil
}

// Check returns an error where a folder holds no run.
func Check(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return fmt.Errorf("cannot open the run %s: %w", dir, atomicfile.Cause(err))
	case !info.IsDir():
		return fmt.Errorf("%s is a file: a run is a folder", dir)
	case !IsRun(dir):
		return fmt.Errorf("%s is no run: it has no %s", dir, ConfigFile)
	}
	return nil
}

// Dir returns the folder.
func (f *Folder) Dir() string { return f.dir }

// Path returns the path of a file in the folder.
func (f *Folder) Path(name string) string { return filepath.Join(f.dir, name) }

// Checkpoints returns the folder of checkpoints.
func (f *Folder) Checkpoints() string { return f.Path(CheckpointDir) }

// Record appends what an iteration measured to the metrics and to the event
// file.
func (f *Folder) Record(m ppo.Metrics) error {
	line, err := m.MarshalJSON()
	if err != nil {
		return err
	}
	if _, err := f.metrics.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("cannot write %s: %w", f.Path(MetricsFile), atomicfile.Cause(err))
	}
	if err := f.events.Write(time.Now(), m.Step, scalars(m)); err != nil {
		return fmt.Errorf("cannot write %s: %w", f.events.Path(), atomicfile.Cause(err))
	}
	return nil
}

// WriteFile writes a whole file: into another one first, which is synced and
// renamed, so that the old one stays until the new one is complete.
func (f *Folder) WriteFile(name string, data []byte) error { return WriteFile(f.Path(name), data) }

// WriteFile is the method of Folder for any path.
func WriteFile(path string, data []byte) error {
	if err := atomicfile.Write(path, data, atomicfile.Create); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, atomicfile.Cause(err))
	}
	return nil
}

// Clear removes all that the folder holds.
func (f *Folder) Clear() {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		os.RemoveAll(f.Path(e.Name()))
	}
}

// Close closes the files.
func (f *Folder) Close() error {
	var first error
	if f.events != nil {
		first = f.events.Close()
	}
	if err := f.metrics.Close(); first == nil {
		first = err
	}
	return first
}
