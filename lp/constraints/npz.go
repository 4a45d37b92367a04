package constraints

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"paspo/internal/count"
	"paspo/internal/npy"
	"paspo/lp"
	"paspo/lp/constraints/internal/expression"
)

// ParseNPZ reads an archive of NumPy arrays with A, m x n, and b, m or m x 1, of
// floating-point numbers of up to 64 bits, integers or truth values: A a <= b on the
// simplex of n entities, a >= 0 and sum a = 1, which are named E1 .. En. Other arrays
// are an error, as they would be ignored. Errors name the file (name) and the array.
func ParseNPZ(name string, data []byte) (p *lp.Polytope, err error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s: the file is larger than %d MB", name, maxFile>>20)
	}
	members, err := openArchive(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	a, err := readArray(members["A"])
	if err != nil {
		return nil, fmt.Errorf("%s: array A: %w", name, err)
	}
	b, err := readArray(members["b"])
	if err != nil {
		return nil, fmt.Errorf("%s: array b: %w", name, err)
	}
	if len(a.Shape) != 2 || a.Shape[0] == 0 || a.Shape[1] == 0 {
		return nil, fmt.Errorf("%s: array A: shape %v; m x n is expected", name, a.Shape)
	}
	m, n := a.Shape[0], a.Shape[1]
	if !isColumn(b.Shape, m) {
		return nil, fmt.Errorf("%s: array b: shape %v; [%d] is expected, as A has %s", name, b.Shape, m, count.Of(m, "row"))
	}
	if n > lp.MaxEntities {
		return nil, fmt.Errorf("%s: array A: %d columns are too many (at most %d)", name, n, lp.MaxEntities)
	}
	d := lp.Description{Name: baseName(name), Entities: entityNames(n), Total: 1}
	for k := range m {
		d.Rows = append(d.Rows, lp.Row{Coef: a.Data[k*n : (k+1)*n], Min: math.Inf(-1), Max: b.Data[k]})
	}
	if p, err = lp.New(d); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

// openArchive returns the members of an archive by the names of the arrays: those of
// the members without the ending that NumPy writes and others leave out.
func openArchive(data []byte) (map[string]*zip.File, error) {
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("not an archive of NumPy arrays: %w", err)
	}
	members := map[string]*zip.File{}
	for _, f := range r.File {
		key := strings.TrimSuffix(f.Name, ".npy")
		if key != "A" && key != "b" {
			return nil, fmt.Errorf("array %q has no place; A and b are expected", expression.Clip(key))
		}
		if other := members[key]; other != nil {
			return nil, fmt.Errorf("array %s is there twice, as the members %q and %q", key, other.Name, f.Name)
		}
		members[key] = f
	}
	return members, nil
}

// readArray reads a member, which is nil where it is missing. It is taken whole
// first: what its header claims is checked against what is there.
func readArray(member *zip.File) (*npy.Array, error) {
	if member == nil {
		return nil, fmt.Errorf("it is missing")
	}
	f, err := member.Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	most := npy.MaxBytes(lp.MaxCells)
	section, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	if err != nil {
		return nil, err
	}
	if len(section) > most {
		return nil, fmt.Errorf("it holds more than %d numbers", lp.MaxCells)
	}
	return npy.Parse(section, lp.MaxCells)
}

// isColumn reports whether a shape is that of a vector of m numbers.
func isColumn(shape []int, m int) bool {
	return slices.Equal(shape, []int{m}) || slices.Equal(shape, []int{m, 1})
}
