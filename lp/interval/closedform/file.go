package closedform

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"slices"
	"time"

	"paspo/lp"
)

// A compiled closed form is kept as
//
//	fileMagic, version (uint32, little-endian), SHA-256 of what follows, then a file as gob.
const (
	fileMagic   = "paspo intervals\n"
	fileVersion = 3
)

// file is what is kept of a closed form.
type file struct {
	Hash   string // of the canonical form
	Within Budget
	Steps  int
	Facets []bool // of entities: found as facets
	Tables *Tables
}

// Marshal returns the closed form to be kept in a file, which Unmarshal reads.
func (f *Intervals) Marshal() []byte {
	v := file{f.p.Hash(), f.within, f.steps, make([]bool, len(f.All)), &f.Tables}
	for i := range f.All {
		v.Facets[i] = f.All[i].facets
	}
	var body bytes.Buffer
	if err := gob.NewEncoder(&body).Encode(v); err != nil {
		panic(err) // of types that gob cannot write
	}
	sum := sha256.Sum256(body.Bytes())
	data := binary.LittleEndian.AppendUint32([]byte(fileMagic), fileVersion)
	return slices.Concat(data, sum[:], body.Bytes())
}

var (
	errNoCompiled    = errors.New("the file holds something else")
	errContradiction = errors.New("the file contradicts itself")
)

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
	var v file
	body := bytes.NewReader(data[head:])
	if err := gob.NewDecoder(body).Decode(&v); err != nil || v.Tables == nil || body.Len() > 0 {
		return nil, errContradiction
	}
	if v.Hash != p.Hash() {
		return nil, errors.New("the file belongs to another polytope")
	}
	if v.Within != b {
		return nil, fmt.Errorf("the file was made with max_pieces %d and max_effort %d, not %d and %d", v.Within.Pieces, v.Within.Effort, b.Pieces, b.Effort)
	}
	f := &Intervals{Tables: *v.Tables, p: p, form: p.Form(), steps: v.Steps, within: b}
	if len(v.Facets) != len(f.All) || !f.consistent() {
		return nil, errContradiction
	}
	for i, facets := range v.Facets {
		f.All[i].facets, f.Needed[i].facets = facets, facets
	}
	if !f.Facets {
		f.columns()
	}
	f.prepare()
	f.took = time.Since(start)
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
	m := len(f.LimitRows) + len(f.Caps) + len(form.F)
	ok := !f.Facets && f.Size == max(1, m) && len(f.Fixed) == n || f.Facets && f.Size == n && !f.AnyLimits
	ok = ok && within(f.LimitRows, len(form.B)) && within(f.Caps, n) && len(f.Begin) == f.Size && len(f.Floor) == n && len(f.Free) == n &&
		len(f.Rays) == len(f.RaySensitivity)*f.Size
	for _, list := range [...][]EndpointTable{f.All, f.Needed} {
		ok = ok && len(list) == n
		for i := range list {
			e := &list[i]
			stride := f.Size
			if f.Facets {
				stride = i + 1
			}
			ok = ok && e.Stride == stride && len(e.Lower) == stride*len(e.LowerSensitivity) && len(e.Upper) == stride*len(e.UpperSensitivity)
		}
	}
	return ok
}
