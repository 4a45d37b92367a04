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

// ErrNoEntities says that a file lists none where it has to.
var ErrNoEntities = errors.New("entities are missing")

// maxFile is the largest file that is read, in bytes.
const maxFile = limits.Constraints

// ReadFile reads a polytope from a constraints file (.yaml, .yml; see Parse) or
// from NumPy arrays (.npz; see ParseNPZ). Errors start with the name of the file.
func ReadFile(path string) (*lp.Polytope, error) { return readFile(path, &reader{}) }

// ReadFileWithin reads a constraints file of a polytope in a box. What the file leaves
// out is that of the box: entities, their bounds, the total (NaN for none). Bounds that
// reach beyond the box are an error, and so are other entities.
func ReadFileWithin(path string, box lp.Description) (*lp.Polytope, error) {
	return readFile(path, &reader{box: &box})
}

// ReadFileHeld reads a constraints file of shares whose holdings a state sets. A file that
// lists no entities is about these, each from 0 to 1 where the file has no bounds of it. Where
// it lists no holdings, terms count from an allocation until a state sets others: of those that
// satisfy the other limits, the closest to equal shares.
func ReadFileHeld(path string, entities []string) (*lp.Polytope, error) {
	return readFile(path, &reader{held: entities})
}

// ReadFileBeside reads a constraints file as ReadFileHeld does, and returns what satisfies it and
// a polytope of shares. Bounds are those of the polytope where the file has none, and may not reach
// beyond them.
func ReadFileBeside(path string, p *lp.Polytope) (*lp.Polytope, error) {
	d := p.Description()
	return readFile(path, &reader{box: &d, base: d.Rows, held: d.Entities})
}

func readFile(path string, r *reader) (*lp.Polytope, error) {
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
		if r.box != nil {
			return nil, fmt.Errorf("%s: arrays describe shares of a budget; a file of constraints in a box ends in .yaml or .yml", path)
		}
		return ParseNPZ(path, data)
	}
	r.file = path
	return parse(data, r)
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
