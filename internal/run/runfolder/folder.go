package runfolder

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"paspo/internal/atomicfile"
	"paspo/internal/tensorboard"
	"paspo/rl"
)

// Names in a run folder. Event files lie beside them.
const (
	ConfigFile      = "config.yaml"
	CommandsFile    = "commands.jsonl" // that trained it
	MetricsFile     = "metrics.jsonl"
	CheckpointDir   = "checkpoints"
	DebiasFile      = "debias.json"
	WarmStartFile   = "from.json" // where it began with parameters of another run
	IntervalsFile   = "intervals.bin"
	EnvironmentFile = "environment.json" // of one in Python
	DescriptionFile = "description.json" // of what the policy reads and answers
	SummaryFile     = "summary.json"
	CurveFile       = "learning_curve" // .png and .svg
)

// Folder is the folder of a run that is being trained. Two processes cannot
// train the same run.
type Folder struct {
	dir     string
	metrics atomicfile.File
	locked  bool  // nobody else writes here
	size    int64 // of the metrics, whole lines
	events  *tensorboard.Writer
	failed  error // what kept an iteration from being recorded
}

// ErrBusy says that a run cannot be opened now.
var ErrBusy = errors.New("being trained by another process")

// Claim makes a folder that did not exist: that of the given path, or one whose
// name ends in -2, -3, .. where others have those before.
func Claim(path string) (dir string, err error) {
	dir = path
	err = atomicfile.MkdirAll(filepath.Dir(path))
	for n := 2; err == nil; n++ {
		if err = atomicfile.Disk().Mkdir(dir); !errors.Is(err, fs.ErrExist) {
			break
		}
		dir, err = fmt.Sprintf("%s-%d", path, n), nil
	}
	if err != nil {
		return "", fmt.Errorf("cannot make the run folder %s: %w", dir, atomicfile.Cause(err))
	}
	return dir, nil
}

// Create makes the folder of a new run. One that holds anything is refused, but for
// what is left of a run that was killed before it had a configuration.
func Create(dir string) (*Folder, error) {
	left, err := startedOnly(dir)
	if err != nil {
		return nil, err
	}
	if err := atomicfile.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("cannot make the run folder %s: %w", dir, atomicfile.Cause(err))
	}
	f := &Folder{dir: dir}
	flag := os.O_CREATE | os.O_EXCL
	if left {
		flag = os.O_CREATE
	}
	if err := f.open(flag); err != nil {
		return nil, err
	}
	if left {
		// The other process may have gone on until now.
		if left, err = startedOnly(dir); err == nil && !(left && f.locked) {
			err = notEmpty(dir)
		}
		if err != nil {
			f.Close()
			return nil, err
		}
		f.clear(MetricsFile)
	}
	if f.events, err = tensorboard.Create(dir, time.Now()); err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot write an event file in %s: %w", dir, atomicfile.Cause(err))
	}
	if err := atomicfile.Disk().SyncDir(dir); err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot write the run folder %s: %w", dir, atomicfile.Cause(err))
	}
	return f, nil
}

func notEmpty(dir string) error {
	return fmt.Errorf("the folder %s is not empty: name another one with --out", dir)
}

// startedOnly says whether a folder holds what a run begins with and nothing else:
// metrics of no iteration and an event file. The error says why a folder with
// anything else is not to be taken.
func startedOnly(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		return false, nil
	}
	if IsRun(dir) {
		return false, fmt.Errorf("the run %s exists already: name another folder with --out, or go on with it by --resume %s", dir, Quote(dir))
	}
	metrics, copies := false, ""
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			return false, notEmpty(dir)
		}
		switch name := e.Name(); {
		case name == MetricsFile && info.Size() == 0:
			metrics = true
		case strings.HasPrefix(name, tensorboard.FilePrefix), atomicfile.IsTemporary(name):
		default:
			copies = name
		}
	}
	switch {
	case metrics && copies == "":
		return true, nil
	case metrics:
		// A copy of a file that the configuration names, or something of the user's.
		return false, fmt.Errorf("the folder %s holds what a run that was killed at its start left, and %s: "+
			"name another one with --out, or remove it", dir, copies)
	}
	return false, notEmpty(dir)
}

// Continue opens the folder of a run to go on from a step: what was recorded
// beyond it is cut off, and what writers that were killed left unfinished is removed.
func Continue(dir string, step int64) (*Folder, error) {
	if err := Check(dir); err != nil {
		return nil, err
	}
	f := &Folder{dir: dir}
	if err := f.open(os.O_CREATE); err != nil {
		return nil, err
	}
	if f.locked {
		atomicfile.Sweep(dir, 0)
		atomicfile.Sweep(f.Checkpoints(), 0)
	}
	err := cutMetrics(f.metrics, step)
	if err == nil {
		f.size, err = f.metrics.Seek(0, io.SeekCurrent)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot cut %s to step %d: %w", f.Path(MetricsFile), step, atomicfile.Cause(err))
	}
	if f.events, err = tensorboard.Continue(dir, step, time.Now()); err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot cut the event file in %s to step %d: %w", dir, step, atomicfile.Cause(err))
	}
	return f, nil
}

// open takes the lock and opens the metrics.
func (f *Folder) open(flag int) error {
	path := f.Path(MetricsFile)
	m, err := atomicfile.Disk().OpenFile(path, os.O_RDWR|flag)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("the run %s is being started by another process", f.dir)
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, atomicfile.Cause(err))
	}
	err = syscall.Flock(int(m.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		m.Close()
		return fmt.Errorf("the run %s is %w", f.dir, ErrBusy)
	}
	// A file system without locks is no reason not to train.
	f.locked = err == nil
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
func (f *Folder) Record(m rl.Metrics) error {
	if f.failed == nil {
		f.failed = f.record(m)
	}
	return f.failed
}

func (f *Folder) record(m rl.Metrics) error {
	line, err := m.MarshalJSON()
	if err != nil {
		return err
	}
	if _, err := f.metrics.Write(append(line, '\n')); err != nil {
		// Remove the part of the line that was written.
		f.metrics.Truncate(f.size)
		return fmt.Errorf("cannot write %s: %w", f.Path(MetricsFile), atomicfile.Cause(err))
	}
	f.size += int64(len(line)) + 1
	if err := f.events.Write(time.Now(), m.Step, scalars(m)); err != nil {
		return fmt.Errorf("cannot write %s: %w", f.events.Path(), atomicfile.Cause(err))
	}
	return nil
}

// Flush waits until what was recorded is on disk. Where an iteration could not be
// recorded it returns that error: no checkpoint may stand behind a gap.
func (f *Folder) Flush() error {
	if f.failed != nil {
		return f.failed
	}
	if err := f.metrics.Sync(); err != nil {
		f.failed = fmt.Errorf("cannot write %s: %w", f.Path(MetricsFile), atomicfile.Cause(err))
	} else if err := f.events.Sync(); err != nil {
		f.failed = fmt.Errorf("cannot write %s: %w", f.events.Path(), atomicfile.Cause(err))
	}
	return f.failed
}

// WriteFile writes a whole file: into another one first, which is synced and
// renamed, so that the old one stays until the new one is complete.
func (f *Folder) WriteFile(name string, data []byte) error { return WriteFile(f.Path(name), data) }

// WriteFile is the method of Folder for any path.
func WriteFile(path string, data []byte) error {
	if err := atomicfile.Write(path, data); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, atomicfile.Cause(err))
	}
	return nil
}

// Clear removes all that the folder holds.
func (f *Folder) Clear() { f.clear("") }

func (f *Folder) clear(but string) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.Name() != but {
			atomicfile.RemoveAll(f.Path(e.Name()))
		}
	}
}

// Quote returns a path as a shell takes it.
func Quote(path string) string {
	if path != "" && strings.IndexFunc(path, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-+./:@%,=", r))
	}) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
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
