package ppo

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
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
	dir  string
	keep int

	create func(path string) (atomicfile.File, error)
}

func openStore(dir string, keep int) (*store, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot make the folder of checkpoints %s: %w", dir, atomicfile.Cause(err))
	}
	return &store{dir, keep, atomicfile.Create}, nil
}

// write puts b under a name.
func (s *store) write(name string, b []byte) (path string, err error) {
	path = filepath.Join(s.dir, name)
	if err := atomicfile.Write(path, b, s.create); err != nil {
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
	if path, err = s.write(fmt.Sprintf(numberedPattern, c.Iteration), b); err != nil {
		return path, err
	}
	old, err := numbered(s.dir)
	if err != nil {
		return path, err
	}
	for _, name := range old[:max(0, len(old)-s.keep)] {
		if err := os.Remove(filepath.Join(s.dir, name)); err != nil {
			slog.Warn("an old checkpoint could not be removed", "error", err)
		}
	}
	return path, nil
}

// saveAs writes c under a name.
func (s *store) saveAs(name string, c *Checkpoint) (path string, err error) {
	b, err := c.encode()
	if err != nil {
		return "", err
	}
	return s.write(name, b)
}

// numbered returns the names of the numbered checkpoints, oldest first.
func numbered(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), numberedPrefix) && strings.HasSuffix(e.Name(), suffix) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
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
	if err != nil {
		return nil, fmt.Errorf("checkpoint %s is damaged: %w", path, err)
	}
	c.Path = path
	return c, nil
}

// LatestCheckpoint reads the newest numbered checkpoint of a folder that is
// whole, and warns of those it had to pass over.
func LatestCheckpoint(dir string) (*Checkpoint, error) {
	names, err := numbered(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot read the folder of checkpoints %s: %w", dir, atomicfile.Cause(err))
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no checkpoint in %s", dir)
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
