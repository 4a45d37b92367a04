package envs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// writer appends the fixed little-endian form of a snapshot.
type writer struct{ b []byte }

func (w *writer) word(x uint64) { w.b = binary.LittleEndian.AppendUint64(w.b, x) }

func (w *writer) int(x int) { w.word(uint64(x)) }

func (w *writer) float(x float64) { w.word(math.Float64bits(x)) }

func (w *writer) floats(xs []float64) {
	w.int(len(xs))
	for _, x := range xs {
		w.float(x)
	}
}

func (w *writer) bytes(b []byte) {
	w.int(len(b))
	w.b = append(w.b, b...)
}

var errSnapshotLength = errors.New("envs: the snapshot is cut short or too long")

// reader reads what a writer wrote. Its first error sticks, and what is read
// after it is zero.
type reader struct {
	b   []byte
	err error
}

func (r *reader) word() uint64 {
	if r.err != nil {
		return 0
	}
	if len(r.b) < 8 {
		r.err = errSnapshotLength
		return 0
	}
	x := binary.LittleEndian.Uint64(r.b)
	r.b = r.b[8:]
	return x
}

// int reads an integer in lo..hi.
func (r *reader) int(what string, lo, hi int) int {
	x := r.word()
	if r.err == nil && (int64(x) < int64(lo) || int64(x) > int64(hi)) {
		r.err = fmt.Errorf("envs: snapshot: %s is %d, not in %d..%d", what, int64(x), lo, hi)
	}
	if r.err != nil {
		return lo
	}
	return int(x)
}

func (r *reader) float() float64 { return math.Float64frombits(r.word()) }

// floats reads a vector of lo to hi numbers.
func (r *reader) floats(what string, lo, hi int) []float64 {
	n := r.int("length of "+what, lo, hi)
	if r.err == nil && len(r.b) < 8*n {
		r.err = errSnapshotLength
	}
	if r.err != nil || n == 0 {
		return nil
	}
	xs := make([]float64, n)
	for i := range xs {
		xs[i] = r.float()
	}
	return xs
}

func (r *reader) bytes() []byte {
	n := r.int("a length", 0, len(r.b))
	if r.err == nil && n > len(r.b) {
		r.err = errSnapshotLength
	}
	if r.err != nil {
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

// end returns the first error, or that something is left.
func (r *reader) end() error {
	if r.err == nil && len(r.b) != 0 {
		r.err = errSnapshotLength
	}
	return r.err
}

// header reads the kind of the snapshot and its version.
func (r *reader) header(want uint64, what string) {
	if got := r.word(); r.err == nil && got != want {
		r.err = fmt.Errorf("envs: not a snapshot of %s, or one of another version", what)
	}
}
