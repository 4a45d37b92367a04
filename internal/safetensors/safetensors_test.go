package safetensors

import (
	"bytes"
	"encoding/binary"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func sample() *File {
	return &File{
		Metadata: map[string]string{"b": "2", "a": "1 \"quoted\" é"},
		Tensors: []Tensor{
			Float32("w", []float32{1, -2.5, float32(math.Inf(1)), 0, 3, 4}, 2, 3),
			Float64("scalar", []float64{math.Pi}),
			Float64("empty", nil, 0, 4),
			Float32("x", []float32{math.MaxFloat32, 7}, 2),
			Bytes("raw", []byte("hello")),
		},
	}
}

func TestRoundTrip(t *testing.T) {
	want := sample()
	b, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Metadata, want.Metadata) || len(got.Tensors) != len(want.Tensors) {
		t.Fatalf("got %+v", got)
	}
	for i, w := range want.Tensors {
		g := got.Tensors[i]
		if g.Name != w.Name || g.DType != w.DType || !slices.Equal(g.Shape, w.Shape) || !bytes.Equal(g.Data, w.Data) {
			t.Errorf("tensor %d: got %+v, want %+v", i, g, w)
		}
	}
	again, err := got.Encode()
	if err != nil || !bytes.Equal(again, b) {
		t.Errorf("encoding again gives other bytes (%v)", err)
	}
	x, ok := got.Lookup("x")
	v, err := x.Float32()
	if !ok || err != nil || !slices.Equal(v, []float32{math.MaxFloat32, 7}) {
		t.Errorf("x = %v, %v", v, err)
	}
	if _, err := x.Float64(); err == nil {
		t.Error("F32 read as F64 without an error")
	}
}

// The layout is written out by hand from the format's description.
func TestLayout(t *testing.T) {
	f := &File{Tensors: []Tensor{Float32("x", []float32{1, 2}, 2)}}
	got, err := f.Encode()
	if err != nil {
		t.Fatal(err)
	}
	head := `{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`
	head += strings.Repeat(" ", (8-len(head)%8)%8)
	want := binary.LittleEndian.AppendUint64(nil, uint64(len(head)))
	want = append(want, head...)
	want = append(want, 0, 0, 0x80, 0x3f, 0, 0, 0, 0x40)
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

func raw(head string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(head)))
	return append(append(b, head...), make([]byte, data)...)
}

func TestDecodeRefuses(t *testing.T) {
	good, err := sample().Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"nothing":         nil,
		"short":           good[:5],
		"truncated head":  good[:40],
		"truncated data":  good[:len(good)-1],
		"a rest":          append(slices.Clone(good), 0),
		"huge head":       binary.LittleEndian.AppendUint64(nil, math.MaxUint64),
		"no object":       raw(`[]`, 0),
		"cut JSON":        raw(`{"x":`, 0),
		"more JSON":       raw(`{} {}`, 0),
		"unknown type":    raw(`{"x":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}`, 4),
		"wrong size":      raw(`{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 4),
		"negative":        raw(`{"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, 4),
		"overflow":        raw(`{"x":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}`, 0),
		"offsets beyond":  raw(`{"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 4),
		"a gap":           raw(`{"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8),
		"an overlap":      raw(`{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"y":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4),
		"twice":           raw(`{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"x":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2),
		"metadata number": raw(`{"__metadata__":{"a":1}}`, 0),
		"unknown field":   raw(`{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"z":0}}`, 1),
	} {
		if f, err := Decode(b); err == nil {
			t.Errorf("%s: decoded to %+v", name, f)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	for name, f := range map[string]*File{
		"twice":    {Tensors: []Tensor{Bytes("x", nil), Bytes("x", nil)}},
		"metadata": {Tensors: []Tensor{Bytes("__metadata__", nil)}},
		"size":     {Tensors: []Tensor{{Name: "x", DType: F32, Shape: []int{2}, Data: make([]byte, 4)}}},
	} {
		if _, err := f.Encode(); err == nil {
			t.Errorf("%s: encoded", name)
		}
	}
}

// What decodes must encode to a file that decodes to the same.
func FuzzDecode(f *testing.F) {
	b, err := sample().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(raw(`{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8))
	f.Add(raw(`{"__metadata__":{"a":"b"}}`, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		one, err := Decode(b)
		if err != nil {
			return
		}
		c, err := one.Encode()
		if err != nil {
			t.Fatalf("decoded but does not encode: %v", err)
		}
		two, err := Decode(c)
		if err != nil {
			t.Fatalf("encoded but does not decode: %v", err)
		}
		if d, err := two.Encode(); err != nil || !bytes.Equal(c, d) {
			t.Fatalf("encoding is not stable: %v", err)
		}
	})
}
