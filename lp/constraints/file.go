package constraints

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"paspo/internal/limits"
	"paspo/lp"
)

// maxFile is the largest file that is read, in bytes.
const maxFile = limits.Constraints

// ReadFile reads a polytope from a constraints file (.yaml, .yml; see Parse) or
// from NumPy arrays (.npz; see ParseNPZ). Errors start with the name of the file.
func ReadFile(path string) (*lp.Polytope, error) { return readFile(path, nil) }

// ReadFileWithin reads a constraints file of a polytope in a box. What the file leaves
// out is that of the box: entities, their bounds, the total (NaN for none). Bounds that
// reach beyond the box are an error, and so are other entities.
func ReadFileWithin(path string, box lp.Description) (*lp.Polytope, error) {
	return readFile(path, &box)
}

func readFile(path string, box *lp.Description) (*lp.Polytope, error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml", ".npz":
	default:
		return nil, fmt.Errorf("%s: a file of constraints ends in .yaml, .yml or .npz", path)
	}
	data, err := limits.ReadFile(path, maxFile)
	if err != nil {
		return nil, fileError(path, err)
	}
	if strings.EqualFold(filepath.Ext(path), ".npz") {
		if box != nil {
			return nil, fmt.Errorf("%s: arrays describe shares of a budget; a file of constraints in a box ends in .yaml or .yml", path)
		}
		return ParseNPZ(path, data)
	}
	return parse(path, data, box)
}

// fileError puts the name of the file first, as all errors about files have it.
func fileError(path string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// baseName returns the name that a polytope has from its file.
func baseName(path string) string {
	base := strings.TrimSpace(strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)))
	if lp.CheckName(base) != nil {
		return ""
	}
	return base
}
