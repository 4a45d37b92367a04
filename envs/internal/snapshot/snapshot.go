package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Writer appends the fixed little-endian form of a snapshot to B. Vectors and bytes follow
// their length.
type Writer struct{ B []byte }

// Word appends 8 bytes.
func (w *Writer) Word(x uint64) { w.B = binary.LittleEndian.AppendUint64(w.B, x) }

// Int appends an integer.
func (w *Writer) Int(x int) { w.Word(uint64(x)) }

// Float appends the bits of a number.
func (w *Writer) Float(x float64) { w.Word(math.Float64bits(x)) }

// Floats appends a vector.
func (w *Writer) Floats(xs []float64) {
	w.Int(len(xs))
	for _, x := range xs {
		w.Float(x)
	}
}

// Bytes appends bytes.
func (w *Writer) Bytes(b []byte) {
	w.Int(len(b))
	w.B = append(w.B, b...)
}

var errSnapshotLength = errors.New("envs: the snapshot is cut short or too long")

// Reader reads what a Writer wrote. Its first error sticks, and what is read
// after it is zero.
type Reader struct {
	B   []byte
	Err error
}

// Word reads 8 bytes.
func (r *Reader) Word() uint64 {
	if r.Err != nil {
		return 0
	}
	if len(r.B) < 8 {
		r.Err = errSnapshotLength
		return 0
	}
	x := binary.LittleEndian.Uint64(r.B)
	r.B = r.B[8:]
	return x
}

// Int reads an integer in lo..hi.
func (r *Reader) Int(what string, lo, hi int) int {
	x := r.Word()
	if r.Err == nil && (int64(x) < int64(lo) || int64(x) > int64(hi)) {
		r.Err = fmt.Errorf("envs: snapshot: %s is %d, not in %d..%d", what, int64(x), lo, hi)
	}
	if r.Err != nil {
		return lo
	}
	return int(x)
}

// Float reads a number, which may not be finite.
func (r *Reader) Float() float64 { return math.Float64frombits(r.Word()) }

// Floats reads a vector of lo to hi numbers.
func (r *Reader) Floats(what string, lo, hi int) []float64 {
	n := r.Int("length of "+what, lo, hi)
	if r.Err == nil && len(r.B) < 8*n {
		r.Err = errSnapshotLength
	}
	if r.Err != nil || n == 0 {
		return nil
	}
	xs := make([]float64, n)
	for i := range xs {
		xs[i] = r.Float()
	}
	return xs
}

// Bytes reads what Writer.Bytes wrote, and shares its memory with B.
func (r *Reader) Bytes() []byte {
	n := r.Int("a length", 0, len(r.B))
	if r.Err == nil && n > len(r.B) {
		r.Err = errSnapshotLength
	}
	if r.Err != nil {
		return nil
	}
	b := r.B[:n]
	r.B = r.B[n:]
	return b
}

// End returns the first error, or that bytes are left over.
func (r *Reader) End() error {
	if r.Err == nil && len(r.B) != 0 {
		r.Err = errSnapshotLength
	}
	return r.Err
}

// Header reads the kind of the snapshot and its version. The error names what it should be a
// snapshot of.
func (r *Reader) Header(want uint64, what string) {
	if got := r.Word(); r.Err == nil && got != want {
		r.Err = fmt.Errorf("envs: not a snapshot of %s, or one of another version", what)
	}
}
