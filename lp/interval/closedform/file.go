package closedform

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"paspo/lp"
)

// A compiled closed form is kept as
//
//	fileMagic, version (uint32), SHA-256 of what follows, then the canonical
//	form's Hash, the budget it was found within, and the fields of explicit,
//
// little-endian, every list behind its length.
const (
	fileMagic   = "paspo intervals\n"
	fileVersion = 2
)

// Marshal returns the closed form to be kept in a file, which Unmarshal reads.
func (f *Intervals) Marshal() []byte {
	var e encoder
	e.text(f.p.Hash())
	e.number(f.within.Pieces)
	e.number(f.within.Effort)
	e.text(f.side)
	e.number(f.size)
	e.number(f.steps)
	e.numbers(f.rows)
	e.numbers(f.caps)
	e.flag(f.anyLimits)
	e.floats(f.floor)
	e.flags(f.free)
	e.flags(f.fixed)
	e.floats(f.begin)
	e.floats(f.empty)
	e.floats(f.emptySens)
	for _, list := range [...][]endpoints{f.endpoints, f.own} {
		for i := range list {
			v := &list[i]
			e.number(v.stride)
			e.flag(v.floor)
			e.flag(v.facets)
			for _, w := range [...][]float64{v.lower, v.lowerSens, v.upper, v.upperSens} {
				e.floats(w)
			}
		}
	}
	sum := sha256.Sum256(e)
	data := append([]byte(fileMagic), 0, 0, 0, 0)
	binary.LittleEndian.PutUint32(data[len(fileMagic):], fileVersion)
	return append(append(data, sum[:]...), e...)
}

var errNoCompiled = errors.New("the file holds something else")

// Unmarshal reads the closed form of p from Marshal. The error says what is wrong with
// the data: they are damaged, of another version, of another polytope, or were found
// within another budget.
func Unmarshal(p *lp.Polytope, b Budget, data []byte) (*Intervals, error) {
	start := time.Now()
	head := len(fileMagic) + 4 + sha256.Size
	if !bytes.HasPrefix(data, []byte(fileMagic)) {
		return nil, errNoCompiled
	}
	if len(data) < head {
		return nil, errors.New("the file is cut off")
	}
	if v := binary.LittleEndian.Uint32(data[len(fileMagic):]); v != fileVersion {
		return nil, fmt.Errorf("the file is of version %d, this is version %d", v, fileVersion)
	}
	if sum := sha256.Sum256(data[head:]); !bytes.Equal(sum[:], data[head-sha256.Size:head]) {
		return nil, errors.New("the checksum does not match: the file is damaged")
	}
	d := decoder{data: data[head:]}
	if hash := d.text(); hash != p.Hash() {
		return nil, errors.New("the file belongs to another polytope")
	}
	if pieces, effort := d.number(), d.number(); pieces != b.Pieces || effort != b.Effort {
		return nil, fmt.Errorf("the file was made with max_pieces %d and max_effort %d, not %d and %d", pieces, effort, b.Pieces, b.Effort)
	}
	n := p.Dim()
	f := &Intervals{p: p, form: p.Form(), side: d.text(), size: d.number(), steps: d.number()}
	f.rows, f.caps, f.anyLimits = d.numbers(), d.numbers(), d.flag()
	f.floor, f.free, f.fixed, f.begin = d.floats(), d.flags(), d.flags(), d.floats()
	f.empty, f.emptySens = d.floats(), d.floats()
	f.endpoints, f.own = make([]endpoints, n), make([]endpoints, n)
	for _, list := range [...][]endpoints{f.endpoints, f.own} {
		for i := range list {
			v := &list[i]
			v.stride, v.floor, v.facets = d.number(), d.flag(), d.flag()
			v.lower, v.lowerSens, v.upper, v.upperSens = d.floats(), d.floats(), d.floats(), d.floats()
		}
	}
	if d.failed || len(d.data) > 0 || !f.consistent() {
		return nil, errors.New("the file contradicts itself")
	}
	if f.side == "dual" {
		f.columns()
	}
	f.prepare()
	f.within, f.took = b, time.Since(start)
	return f, nil
}

// consistent checks lengths and indices, so that nothing reads out of range.
func (f *Intervals) consistent() bool {
	form := &f.form
	p := f.p
	n := p.Dim()
	within := func(x []int, size int) bool {
		return !slices.ContainsFunc(x, func(k int) bool { return k < 0 || k >= size })
	}
	m := len(f.rows) + len(f.caps) + len(form.F)
	ok := f.side == "dual" && f.size == max(1, m) && len(f.fixed) == n || f.side == "facets" && f.size == n && !f.anyLimits
	ok = ok && within(f.rows, len(form.B)) && within(f.caps, n) && len(f.begin) == f.size && len(f.floor) == n && len(f.free) == n &&
		len(f.empty) == len(f.emptySens)*f.size
	for _, list := range [...][]endpoints{f.endpoints, f.own} {
		for i := range list {
			e := &list[i]
			stride := f.size
			if f.side == "facets" {
				stride = i + 1
			}
			ok = ok && e.stride == stride && len(e.lower) == stride*len(e.lowerSens) && len(e.upper) == stride*len(e.upperSens)
		}
	}
	return ok
}

type encoder []byte

func (e *encoder) number(x int) { *e = binary.LittleEndian.AppendUint64(*e, uint64(x)) }

func (e *encoder) flag(b bool) {
	x := byte(0)
	if b {
		x = 1
	}
	*e = append(*e, x)
}

func (e *encoder) text(s string) {
	e.number(len(s))
	*e = append(*e, s...)
}

func (e *encoder) numbers(x []int) {
	e.number(len(x))
	for _, v := range x {
		e.number(v)
	}
}

func (e *encoder) floats(x []float64) {
	e.number(len(x))
	for _, v := range x {
		*e = binary.LittleEndian.AppendUint64(*e, math.Float64bits(v))
	}
}

func (e *encoder) flags(x []bool) {
	e.number(len(x))
	for _, v := range x {
		e.flag(v)
	}
}

// decoder reads what encoder wrote. Beyond the end it reads zeros.
type decoder struct {
	data   []byte
	failed bool
}

func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.data) {
		d.failed, d.data = true, nil
		return nil
	}
	b := d.data[:n]
	d.data = d.data[n:]
	return b
}

func (d *decoder) number() int {
	if b := d.take(8); b != nil {
		return int(binary.LittleEndian.Uint64(b))
	}
	return 0
}

func (d *decoder) flag() bool {
	b := d.take(1)
	return b != nil && b[0] != 0
}

// list reads a length and as many elements of size bytes.
func (d *decoder) list(size int) (b []byte, n int) {
	n = d.number()
	if n < 0 || n > len(d.data)/size {
		d.failed, d.data = true, nil
		return nil, 0
	}
	return d.take(n * size), n
}

func (d *decoder) text() string {
	b, _ := d.list(1)
	return string(b)
}

func (d *decoder) numbers() []int {
	b, n := d.list(8)
	x := make([]int, n)
	for i := range x {
		x[i] = int(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return x
}

func (d *decoder) floats() []float64 {
	b, n := d.list(8)
	x := make([]float64, n)
	for i := range x {
		x[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return x
}

func (d *decoder) flags() []bool {
	b, n := d.list(1)
	x := make([]bool, n)
	for i := range x {
		x[i] = b[i] != 0
	}
	return x
}
