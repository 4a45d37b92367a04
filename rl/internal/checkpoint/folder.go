package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"paspo/internal/atomicfile"
	"paspo/internal/limits"
)

// Names of the files in a folder of checkpoints.
const (
	InitialName = "initial.safetensors" // the state before the first iteration
	BestName    = "best.safetensors"    // the state of the best evaluation so far

	numberedPattern = "iteration-%08d.safetensors"
	numberedPrefix  = "iteration-"
	failedPattern   = "failed-%08d.safetensors"
	suffix          = ".safetensors"
)

// Folder is a folder of checkpoints. A file appears under its name only when it
// is complete and on disk.
type Folder struct {
	dir   string
	keep  int
	whole map[string]bool // whether a numbered file is undamaged, of those that were read
}

// Open returns the folder dir, which it makes where there is none. Save keeps the last keep
// numbered checkpoints in it.
func Open(dir string, keep int) (*Folder, error) {
	if err := atomicfile.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("cannot make the folder of checkpoints %s: %w", dir, atomicfile.Cause(err))
	}
	return &Folder{dir, keep, map[string]bool{}}, nil
}

// write writes the file name.
func (f *Folder) write(name string, b []byte) (path string, err error) {
	path = filepath.Join(f.dir, name)
	if err := atomicfile.Write(path, b); err != nil {
		return path, fmt.Errorf("cannot write checkpoint %s: %w", path, atomicfile.Cause(err))
	}
	return path, nil
}

// Save writes c under the number of its iteration and removes the numbered checkpoints before the
// last keep.
func (f *Folder) Save(c *Checkpoint) (path string, err error) {
	b, err := Encode(c)
	if err != nil {
		return "", err
	}
	name := numberedName(c.Iteration)
	delete(f.whole, name)
	if path, err = f.write(name, b); err != nil {
		return path, err
	}
	return path, f.prune(c.Iteration)
}

// prune removes numbered checkpoints before the last keep that are undamaged, up to an iteration.
// It does not touch later ones: training was resumed from an earlier checkpoint and will write
// them again.
func (f *Folder) prune(iteration int) error {
	names, err := numbered(f.dir)
	if err != nil {
		return err
	}
	kept := 0
	for _, name := range slices.Backward(names) {
		if i, _ := numberOf(name); i > iteration {
			continue
		}
		if kept < f.keep {
			if f.isWhole(name) {
				kept++
			}
			continue
		}
		if err := atomicfile.Disk().Remove(filepath.Join(f.dir, name)); err != nil {
			slog.Warn("an old checkpoint could not be removed", "error", err)
		}
		delete(f.whole, name)
	}
	return nil
}

// isWhole reports whether a numbered checkpoint is undamaged.
func (f *Folder) isWhole(name string) bool {
	whole, known := f.whole[name]
	if !known {
		_, err := Read(filepath.Join(f.dir, name))
		whole = err == nil
		f.whole[name] = whole
	}
	return whole
}

// SaveAs writes c under a name.
func (f *Folder) SaveAs(name string, c *Checkpoint) (path string, err error) {
	b, err := Encode(c)
	if err != nil {
		return "", err
	}
	return f.write(name, b)
}

func numberedName(iteration int) string { return fmt.Sprintf(numberedPattern, iteration) }

// FailedName returns the name of the file with the state in which an iteration failed. No run
// resumes from it.
func FailedName(iteration int) string { return fmt.Sprintf(failedPattern, iteration) }

// numberOf returns the iteration that a file is named after.
func numberOf(name string) (iteration int, ok bool) {
	digits, ok := strings.CutPrefix(name, numberedPrefix)
	if !ok {
		return 0, false
	}
	if digits, ok = strings.CutSuffix(digits, suffix); !ok {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil && numberedName(n) == name
}

// numbered returns the names of the numbered checkpoints, oldest first.
func numbered(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if _, ok := numberOf(e.Name()); ok {
			names = append(names, e.Name())
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		i, _ := numberOf(a)
		j, _ := numberOf(b)
		return i - j
	})
	return names, nil
}

// WriteFile writes c to a file of any name, completely or not at all.
func (c *Checkpoint) WriteFile(path string) error {
	f, err := Open(filepath.Dir(path), 1)
	if err != nil {
		return err
	}
	_, err = f.SaveAs(filepath.Base(path), c)
	return err
}

// Read reads one file. A file that is cut, changed or of another format is an error.
func Read(path string) (*Checkpoint, error) {
	b, err := limits.ReadFile(path, limits.Checkpoint)
	if err != nil {
		return nil, fmt.Errorf("cannot read checkpoint %s: %w", path, atomicfile.Cause(err))
	}
	c, err := Decode(b)
	var other *formatError
	switch {
	case errors.As(err, &other):
		return nil, fmt.Errorf("checkpoint %s: %w", path, err)
	case err != nil:
		return nil, fmt.Errorf("checkpoint %s is damaged: %w", path, err)
	}
	c.Path = path
	return c, nil
}

// ErrNone says that a folder has no checkpoint of any kind.
var ErrNone = errors.New("no checkpoint")

// Latest reads the newest numbered checkpoint of a folder that is undamaged, and warns of damaged
// newer ones. Where none has a number yet it reads the initial one.
func Latest(dir string) (*Checkpoint, error) {
	names, err := numbered(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read the folder of checkpoints %s: %w", dir, atomicfile.Cause(err))
	}
	if len(names) == 0 {
		c, err := Read(filepath.Join(dir, InitialName))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w in %s", ErrNone, dir)
		}
		return c, err
	}
	var first error
	for _, name := range slices.Backward(names) {
		c, err := Read(filepath.Join(dir, name))
		if err == nil {
			if first != nil {
				slog.Warn("an earlier checkpoint is used", "checkpoint", c.Path, "because", first)
			}
			return c, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, fmt.Errorf("no whole checkpoint in %s; the newest: %w", dir, first)
}
