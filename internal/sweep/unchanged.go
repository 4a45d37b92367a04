package sweep

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"paspo/internal/atomicfile"
	"paspo/internal/limits"
)

// sumFact begins the names of facts of the journal that are hashes of files. Where a file has
// changed since, what has been trained was trained with other settings than the file has now.
const sumFact = "sha256 of "

// addSums adds to facts what the files of a new sweep hold.
func addSums(facts map[string]string, dir string) error {
	names := []string{SpecFile, baseFile}
	copies, err := os.ReadDir(filepath.Join(dir, filesDir))
	if err != nil {
		return err
	}
	for _, e := range copies {
		names = append(names, filepath.Join(filesDir, e.Name()))
	}
	for _, name := range names {
		sum, err := sumOf(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) && name == baseFile {
			continue // the base is a preset
		}
		if err != nil {
			return err
		}
		facts[sumFact+name] = sum
	}
	return nil
}

func sumOf(path string) (string, error) {
	data, err := limits.ReadFile(path, limits.Market)
	if err != nil {
		return "", fmt.Errorf("cannot read %s: %w", path, atomicfile.Cause(err))
	}
	return fmt.Sprintf("%x", sha256.Sum256(data)), nil
}

// unchanged returns an error that names a file which is no longer what the sweep began with; copies
// says whether those that the base names are looked at, too. A journal that does not state what files
// held, as of an earlier version, holds them to nothing.
func (w *Sweep) unchanged(copies bool) error {
	for fact, want := range w.facts() {
		name, ok := strings.CutPrefix(fact, sumFact)
		if !ok || !copies && strings.HasPrefix(name, filesDir) {
			continue
		}
		path := filepath.Join(w.Dir, name)
		got, err := sumOf(path)
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("%s has changed since the sweep began, which has trained with what it held: put that back, or begin another sweep with --out", path)
		}
	}
	return nil
}
