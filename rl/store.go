package rl

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
	InitialCheckpoint = "initial.safetensors" // before the first iteration
	BestCheckpoint    = "best.safetensors"    // of the best evaluation so far

	numberedPattern = "iteration-%08d.safetensors"
	numberedPrefix  = "iteration-"
	failedPattern   = "failed-%08d.safetensors" // never resumed from
	suffix          = ".safetensors"
)

// store is a folder of checkpoints. A file appears under its name only when it
// is whole and on disk.
type store struct {
	dir   string
	keep  int
	whole map[string]bool // what has been read of numbered files
}

func openStore(dir string, keep int) (*store, error) {
	if err := atomicfile.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("cannot make the folder of checkpoints %s: %w", dir, atomicfile.Cause(err))
	}
	return &store{dir, keep, map[string]bool{}}, nil
}

// write puts b under a name.
func (s *store) write(name string, b []byte) (path string, err error) {
	path = filepath.Join(s.dir, name)
	if err := atomicfile.Write(path, b); err != nil {
		return path, fmt.Errorf("cannot write checkpoint %s: %w", path, atomicfile.Cause(err))
	}
	return path, nil
}

// save writes c under its number and removes the oldest beyond those to keep.
func (s *store) save(c *Checkpoint) (path string, err error) {
	b, err := c.encode()
	if err != nil {
		return "", err
	}
	name := numberedName(c.Iteration)
	delete(s.whole, name)
	if path, err = s.write(name, b); err != nil {
		return path, err
	}
	return path, s.prune(c.Iteration)
}

// prune removes numbered checkpoints that are older than the last ones to keep, as
// of an iteration. One that does not read counts for none. Those of later
// iterations were passed over when training went on from an earlier one; it will
// write them again.
func (s *store) prune(iteration int) error {
	names, err := numbered(s.dir)
	if err != nil {
		return err
	}
	kept := 0
	for _, name := range slices.Backward(names) {
		if i, _ := numberOf(name); i > iteration {
			continue
		}
		if kept < s.keep {
			if s.reads(name) {
				kept++
			}
			continue
		}
		if err := atomicfile.Disk().Remove(filepath.Join(s.dir, name)); err != nil {
			slog.Warn("an old checkpoint could not be removed", "error", err)
		}
		delete(s.whole, name)
	}
	return nil
}

// reads says whether a numbered checkpoint is whole.
func (s *store) reads(name string) bool {
	whole, known := s.whole[name]
	if !known {
		_, err := ReadCheckpoint(filepath.Join(s.dir, name))
		whole = err == nil
		s.whole[name] = whole
	}
	return whole
}

// saveAs writes c under a name.
func (s *store) saveAs(name string, c *Checkpoint) (path string, err error) {
	b, err := c.encode()
	if err != nil {
		return "", err
	}
	return s.write(name, b)
}

func numberedName(iteration int) string { return fmt.Sprintf(numberedPattern, iteration) }

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

// WriteFile writes c to a file of any name, whole or not at all.
func (c *Checkpoint) WriteFile(path string) error {
	s, err := openStore(filepath.Dir(path), 1)
	if err != nil {
		return err
	}
	_, err = s.saveAs(filepath.Base(path), c)
	return err
}

// ReadCheckpoint reads one file. One that is cut, changed or of another format
// gives an error that says so.
func ReadCheckpoint(path string) (*Checkpoint, error) {
	b, err := limits.ReadFile(path, limits.Checkpoint)
	if err != nil {
		return nil, fmt.Errorf("cannot read checkpoint %s: %w", path, atomicfile.Cause(err))
	}
	c, err := decode(b)
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

// ErrNoCheckpoint says that a folder has no checkpoint of any kind.
var ErrNoCheckpoint = errors.New("no checkpoint")

// LatestCheckpoint reads the newest numbered checkpoint of a folder that is
// whole, and warns of those it had to pass over. Where none has a number yet it is
// the initial one.
func LatestCheckpoint(dir string) (*Checkpoint, error) {
	names, err := numbered(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read the folder of checkpoints %s: %w", dir, atomicfile.Cause(err))
	}
	if len(names) == 0 {
		c, err := ReadCheckpoint(filepath.Join(dir, InitialCheckpoint))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w in %s", ErrNoCheckpoint, dir)
		}
		return c, err
	}
	var first error
	for _, name := range slices.Backward(names) {
		c, err := ReadCheckpoint(filepath.Join(dir, name))
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
