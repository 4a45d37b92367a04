package lp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/sbinet/npyio/npy"
	"github.com/sbinet/npyio/npz"
)

// ParseNPZ reads an archive of NumPy arrays with A, m x n, and b, m or m x 1, of
// type float64 or float32: A a <= b on the simplex of n entities, a >= 0 and
// sum a = 1, which are named E1 .. En. Other arrays are an error, as they would
// be ignored. Errors name the file (name) and the array.
func ParseNPZ(name string, data []byte) (p *Polytope, err error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s: the file is larger than %d MB", name, maxFile>>20)
	}
	archive, err := openArchive(data)
	if err != nil {
		return nil, fmt.Errorf("%s: not an archive of NumPy arrays: %w", name, err)
	}
	for _, key := range archive.Keys() {
		if key = strings.TrimSuffix(key, ".npy"); key != "A" && key != "b" {
			return nil, fmt.Errorf("%s: array %q has no place; A and b are expected", name, clip(key))
		}
	}
	a, shapeA, err := readArray(archive, "A")
	if err != nil {
		return nil, fmt.Errorf("%s: array A: %w", name, err)
	}
	b, shapeB, err := readArray(archive, "b")
	if err != nil {
		return nil, fmt.Errorf("%s: array b: %w", name, err)
	}
	if len(shapeA) != 2 || shapeA[0] == 0 || shapeA[1] == 0 {
		return nil, fmt.Errorf("%s: array A: shape %v; m x n is expected", name, shapeA)
	}
	m, n := shapeA[0], shapeA[1]
	if !slices.Equal(shapeB, []int{m}) && !slices.Equal(shapeB, []int{m, 1}) {
		return nil, fmt.Errorf("%s: array b: shape %v; [%d] is expected, as A has %d rows", name, shapeB, m, m)
	}
	if n > maxEntities {
		return nil, fmt.Errorf("%s: array A: %d columns are too many (at most %d)", name, n, maxEntities)
	}
	d := Description{Name: baseName(name), Entities: entityNames(n), Total: 1}
	for k := range m {
		d.Rows = append(d.Rows, Row{Coef: a[k*n : (k+1)*n], Min: math.Inf(-1), Max: b[k]})
	}
	if p, err = New(d); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

// recovered turns a panic of a library that reads a broken file into an error.
func recovered(err *error) {
	if e := recover(); e != nil {
		*err = fmt.Errorf("it is broken (%v)", e)
	}
}

func openArchive(data []byte) (r *npz.Reader, err error) {
	defer recovered(&err)
	return npz.NewReader(bytes.NewReader(data), int64(len(data)))
}

// readArray returns an array in C order, and its shape.
//
// The section is taken whole first: what its header claims is checked against
// what is there before anything is allocated for it.
func readArray(archive *npz.Reader, name string) (data []float64, shape []int, err error) {
	defer recovered(&err)
	key := name + ".npy" // as NumPy writes it; others leave out the ending
	if !slices.Contains(archive.Keys(), key) {
		key = name
	}
	if !slices.Contains(archive.Keys(), key) {
		return nil, nil, fmt.Errorf("it is missing")
	}
	f, err := archive.Open(key)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	const most = 8*maxCells + 1<<16
	section, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, nil, err
	}
	if len(section) > most {
		return nil, nil, fmt.Errorf("it holds more than %d numbers", maxCells)
	}
	if err := checkHeader(section); err != nil {
		return nil, nil, err
	}
	rest := bytes.NewReader(section)
	array, err := npy.NewReader(rest)
	if err != nil {
		return nil, nil, err
	}
	size := map[string]int{"<f8": 8, ">f8": 8, "<f4": 4, ">f4": 4}[array.Header.Descr.Type]
	if size == 0 {
		return nil, nil, fmt.Errorf("type %q; float64 or float32 is expected", clip(array.Header.Descr.Type))
	}
	shape = array.Header.Descr.Shape
	count := 1
	for _, s := range shape {
		if s < 0 || s > 0 && count > maxCells/s {
			return nil, nil, fmt.Errorf("shape %v is too large (at most %d numbers)", shape, maxCells)
		}
		count *= s
	}
	if rest.Len() != size*count {
		return nil, nil, fmt.Errorf("shape %v needs %d bytes, but there are %d", shape, size*count, rest.Len())
	}
	if count == 0 {
		return nil, shape, nil
	}
	if size == 4 {
		var single []float32
		if err := array.Read(&single); err != nil {
			return nil, nil, err
		}
		for _, v := range single {
			data = append(data, float64(v))
		}
	} else if err := array.Read(&data); err != nil {
		return nil, nil, err
	}
	if array.Header.Descr.Fortran && len(shape) == 2 {
		data = transposed(data, shape[0], shape[1])
	}
	return data, shape, nil
}

// checkHeader checks that an .npy section is as long as its header claims to be.
func checkHeader(section []byte) error {
	const magic = "\x93NUMPY"
	if len(section) < 12 || string(section[:6]) != magic {
		return fmt.Errorf("it is not in the .npy format")
	}
	length, begin := uint64(binary.LittleEndian.Uint16(section[8:])), uint64(10)
	if section[6] > 1 {
		length, begin = uint64(binary.LittleEndian.Uint32(section[8:])), 12
	}
	if begin+length > uint64(len(section)) {
		return fmt.Errorf("it ends within its header")
	}
	return nil
}

// transposed returns the m x n matrix in C order that data holds in Fortran order.
func transposed(data []float64, m, n int) []float64 {
	out := make([]float64, len(data))
	for i := range m {
		for j := range n {
			out[i*n+j] = data[j*m+i]
		}
	}
	return out
}
