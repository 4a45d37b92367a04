package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// DType names the type of an array's elements.
type DType string

// The element types of this package.
const (
	F32 DType = "F32"
	F64 DType = "F64"
	U8  DType = "U8"
)

func (d DType) size() int {
	switch d {
	case F32:
		return 4
	case F64:
		return 8
	case U8:
		return 1
	}
	return 0
}

// Tensor is a named array. Data holds its elements as the file does.
type Tensor struct {
	Name  string
	DType DType
	Shape []int
	Data  []byte
}

// File is the content of a safetensors file.
type File struct {
	Metadata map[string]string
	Tensors  []Tensor
}

const (
	metadataKey = "__metadata__"
	headerAlign = 8

	// maxHeader is the limit of the format's reference implementation.
	maxHeader = 100_000_000
)

type entry struct {
	DType   DType  `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
}

// Encode returns the file's bytes. Equal files give equal bytes. It is an error
// if a name occurs twice or a tensor's data do not fit its shape.
func (f *File) Encode() ([]byte, error) {
	var head bytes.Buffer
	head.WriteByte('{')
	if len(f.Metadata) > 0 {
		fmt.Fprintf(&head, "%q:", metadataKey)
		m, err := json.Marshal(f.Metadata)
		if err != nil {
			return nil, err
		}
		head.Write(m)
	}
	total := 0
	seen := map[string]bool{metadataKey: true}
	for _, t := range f.Tensors {
		if seen[t.Name] {
			return nil, fmt.Errorf("safetensors: the name %q occurs twice", t.Name)
		}
		seen[t.Name] = true
		if want, ok := byteSize(t.DType, t.Shape); !ok || want != len(t.Data) {
			return nil, fmt.Errorf("safetensors: %q of type %s and shape %v has %d bytes", t.Name, t.DType, t.Shape, len(t.Data))
		}
		if head.Len() > 1 {
			head.WriteByte(',')
		}
		name, err := json.Marshal(t.Name)
		if err != nil {
			return nil, err
		}
		head.Write(name)
		head.WriteByte(':')
		shape := t.Shape
		if shape == nil {
			shape = []int{} // a scalar; null is no shape
		}
		e, err := json.Marshal(entry{t.DType, shape, [2]int{total, total + len(t.Data)}})
		if err != nil {
			return nil, err
		}
		head.Write(e)
		total += len(t.Data)
	}
	head.WriteByte('}')
	for head.Len()%headerAlign != 0 {
		head.WriteByte(' ')
	}
	if head.Len() > maxHeader {
		return nil, fmt.Errorf("safetensors: a header of %d bytes; at most %d are allowed", head.Len(), maxHeader)
	}
	b := make([]byte, 0, 8+head.Len()+total)
	b = binary.LittleEndian.AppendUint64(b, uint64(head.Len()))
	b = append(b, head.Bytes()...)
	for _, t := range f.Tensors {
		b = append(b, t.Data...)
	}
	return b, nil
}

// Decode reads a file. The tensors stand in the order of their data, which
// aliases b. Decode refuses what does not fit the format: a truncated file, data
// with gaps, overlaps or a rest, an unknown type.
func Decode(b []byte) (*File, error) {
	if len(b) < 8 {
		return nil, fmt.Errorf("safetensors: %d bytes; the length of the header alone takes 8", len(b))
	}
	n := binary.LittleEndian.Uint64(b)
	if n > maxHeader || n > uint64(len(b)-8) {
		return nil, fmt.Errorf("safetensors: the header has %d bytes, the file %d", n, len(b))
	}
	head, data := b[8:8+n], b[8+n:]
	f := &File{}
	type placed struct {
		Tensor
		from int
	}
	var all []placed
	err := eachField(head, func(name string, raw json.RawMessage) error {
		if name == metadataKey {
			return json.Unmarshal(raw, &f.Metadata)
		}
		var e entry
		if err := strict(raw, &e); err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
		from, to := e.Offsets[0], e.Offsets[1]
		if from < 0 || to < from || to > len(data) {
			return fmt.Errorf("%q: offsets %v in %d bytes of data", name, e.Offsets, len(data))
		}
		want, ok := byteSize(e.DType, e.Shape)
		if !ok {
			return fmt.Errorf("%q: bad type %q or shape %v", name, e.DType, e.Shape)
		}
		if want != to-from {
			return fmt.Errorf("%q: type %s and shape %v need %d bytes, offsets %v hold %d", name, e.DType, e.Shape, want, e.Offsets, to-from)
		}
		all = append(all, placed{Tensor{name, e.DType, e.Shape, data[from:to:to]}, from})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("safetensors: header: %w", err)
	}
	// An empty tensor stands before the one that starts at the same place.
	slices.SortStableFunc(all, func(x, y placed) int {
		return cmp.Or(cmp.Compare(x.from, y.from), cmp.Compare(len(x.Data), len(y.Data)))
	})
	at := 0
	for _, t := range all {
		if t.from != at {
			return nil, fmt.Errorf("safetensors: %q starts at byte %d, the one before ends at %d", t.Name, t.from, at)
		}
		at += len(t.Data)
		f.Tensors = append(f.Tensors, t.Tensor)
	}
	if at != len(data) {
		return nil, fmt.Errorf("safetensors: %d bytes of data, the header describes %d", len(data), at)
	}
	return f, nil
}

// eachField calls fn for every field of a JSON object and refuses fields that
// occur twice, which json.Unmarshal takes.
func eachField(b []byte, fn func(name string, raw json.RawMessage) error) error {
	if len(b) == 0 || b[0] != '{' {
		return errors.New("not a JSON object")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if _, err := d.Token(); err != nil {
		return err
	}
	seen := map[string]bool{}
	for d.More() {
		tok, err := d.Token()
		if err != nil {
			return err
		}
		name, ok := tok.(string)
		if !ok || seen[name] {
			return fmt.Errorf("the name %v occurs twice", tok)
		}
		seen[name] = true
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return err
		}
		if err := fn(name, raw); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more after the JSON object")
	}
	return nil
}

func strict(raw json.RawMessage, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// byteSize returns the size of an array. It is not ok for an unknown type, a
// negative length or a size beyond int.
func byteSize(d DType, shape []int) (size int, ok bool) {
	size = d.size()
	if size == 0 {
		return 0, false
	}
	for _, n := range shape {
		if n < 0 || n > 0 && size > math.MaxInt/n {
			return 0, false
		}
		size *= n
	}
	return size, true
}

// Lookup returns the tensor of that name.
func (f *File) Lookup(name string) (Tensor, bool) {
	for _, t := range f.Tensors {
		if t.Name == name {
			return t, true
		}
	}
	return Tensor{}, false
}
