package checkout

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Root returns the folder of the module: that with go.mod, at or above the
// working folder.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("no go.mod at or above %s: the sources are needed here", dir)
		}
	}
}

// Cache returns a folder in the checkout for what can be made again, which git
// ignores.
func Cache(name ...string) (string, error) {
	root, err := Root()
	return filepath.Join(append([]string{root, ".cache"}, name...)...), err
}

// Files returns the paths of the files of a folder whose names, below it, match a
// pattern of path.Match. The folder's own path is no pattern.
func Files(dir, pattern string) ([]string, error) {
	names, err := fs.Glob(os.DirFS(dir), pattern)
	for i, name := range names {
		names[i] = filepath.Join(dir, name)
	}
	return names, err
}
