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
	CommandsFile    = "commands.jsonl" // the commands that trained the run
	MetricsFile     = "metrics.jsonl"
	CheckpointDir   = "checkpoints"
	DebiasFile      = "debias.json"
	WarmStartFile   = "from.json" // of runs with a warm start
	IntervalsFile   = "intervals.bin"
	EnvironmentFile = "environment.json" // of environments in Python
	DescriptionFile = "description.json" // of the inputs and outputs of the policy
	SummaryFile     = "summary.json"
	CurveFile       = "learning_curve" // .png and .svg
)

// Folder is the folder of a run that is being trained. Two processes cannot
// train the same run.
type Folder struct {
	dir     string
	metrics atomicfile.File
	locked  bool  // this process holds the lock, false where the file system has no locks
	size    int64 // of the whole lines of metrics
	events  *tensorboard.Writer
	failed  error // of the first iteration that could not be recorded
}

// ErrBusy says that another process trains the run.
var ErrBusy = errors.New("being trained by another process")

// Claim makes a new folder: that of the given path, or the first one that does not exist among the
// path with -2, -3, .. added.
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

// Create makes the folder of a new run. A folder that is not empty is an error, unless it holds only
// the files of a run that was killed before it had a configuration.
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
		// The other process may have written more until now.
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

// startedOnly reports whether a folder holds only the first files of a run: empty metrics and an
// event file. It is an error where the folder has other files.
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

// Continue opens the folder of a run to go on from a step. Records after the step are cut off, and
// unfinished files of killed processes removed.
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
	// A run is trained without a lock where the file system has none.
	f.locked = err == nil
	f.metrics = m
	return nil
}

// IsRun reports whether a folder holds a run.
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
		err := fmt.Errorf("%s is no run: it has no %s", dir, ConfigFile)
		if policy := filepath.Join(dir, "policy"); IsRun(policy) { // as in the folder of a walk
			err = fmt.Errorf("%w; %s is one", err, policy)
		}
		return err
	}
	return nil
}

// Dir returns the folder.
func (f *Folder) Dir() string { return f.dir }

// Path returns the path of a file in the folder.
func (f *Folder) Path(name string) string { return filepath.Join(f.dir, name) }

// Checkpoints returns the folder of checkpoints.
func (f *Folder) Checkpoints() string { return f.Path(CheckpointDir) }

// Record appends the metrics of an iteration to the metrics file and to the event file.
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

// Flush brings the records to disk. Where an iteration could not be recorded it returns that error,
// so that no checkpoint is written after a gap in the records.
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

// WriteFile writes a file of the folder. It writes, syncs and renames a temporary file, so that the
// old file stays until the new one is complete.
func (f *Folder) WriteFile(name string, data []byte) error { return WriteFile(f.Path(name), data) }

// WriteFile is Folder.WriteFile for any path.
func WriteFile(path string, data []byte) error {
	if err := atomicfile.Write(path, data); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, atomicfile.Cause(err))
	}
	return nil
}

// Clear removes all files of the folder.
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

// Quote quotes a path for a shell where that is needed.
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
