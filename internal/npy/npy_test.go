package npy

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	_ "paspo/internal/seeded"
)

type sample struct {
	Name, Section string
	Want          *struct {
		Shape []int
		Data  []float64
	}
}

func samples(t testing.TB) []sample {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "npy.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []sample
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// What NumPy reads is read to the same numbers, and what it refuses is refused.
func TestAsNumPy(t *testing.T) {
	for _, c := range samples(t) {
		section, err := base64.StdEncoding.DecodeString(c.Section)
		if err != nil {
			t.Fatal(err)
		}
		a, err := Parse(section, 1<<24)
		switch {
		case c.Want == nil && err == nil:
			t.Errorf("%s: %v, which NumPy refuses", c.Name, a)
		case c.Want == nil:
		case err != nil:
			t.Errorf("%s: %v", c.Name, err)
		case !slices.Equal(a.Shape, c.Want.Shape) || !slices.Equal(a.Data, c.Want.Data):
			t.Errorf("%s: %v, want %v", c.Name, a, *c.Want)
		}
	}
}

// A key given twice is an error that names it, where NumPy takes the last.
func TestKeyTwice(t *testing.T) {
	h := "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'descr': '<f4'}"
	if _, err := parseHeader(h, true); err == nil || !strings.Contains(err.Error(), `the key "descr" is given twice`) {
		t.Error(err)
	}
}

// NumPy reads arrays of records too. They are no matrix of constraints.
func TestRecords(t *testing.T) {
	for descr, names := range map[string]string{
		"[('budget', '<f8'), ('cap', '<f8')]":        `["budget" "cap"]`,
		"[('a', '<f8', (3,))]":                       `["a"]`,
		"[(('a title', 'a'), '<f8'), ('', '|V4')]":   `["a" ""]`,
		"[('a', [('x', '<f8'), ('y', '<i4')])]":      `["a"]`,
		"[('" + strings.Repeat("a", 90) + "', 'i')]": `["` + strings.Repeat("a", 80) + `"]`,
	} {
		_, err := parseHeader("{'descr': "+descr+", 'fortran_order': False, 'shape': (2,), }", false)
		if want := "its elements are records of " + names + "; numbers are expected"; err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", descr, err, want)
		}
	}
	for _, descr := range []string{"[]", "[1]", "[()]", "['<f8']", "[(1, '<f8')]", "{'names': ['a'], 'formats': ['<f8']}", "('<f8', (3,))", "None"} {
		if _, err := parseHeader("{'descr': "+descr+", 'fortran_order': False, 'shape': (2,), }", false); err == nil || !strings.Contains(err.Error(), "descr is no text") {
			t.Errorf("%s: %v", descr, err)
		}
	}
}

// Any array is read back, whatever its header looks like.
func TestHeaders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := rapid.SliceOfN(rapid.IntRange(0, 4), 0, 3).Draw(t, "shape")
		fortran := len(shape) < 3 && rapid.Bool().Draw(t, "fortran")
		space := func() string { return rapid.SampledFrom([]string{"", " ", "\t", "\n", "  "}).Draw(t, "space") }
		text := func(s string) string {
			q := rapid.SampledFrom([]string{"'", `"`}).Draw(t, "quote")
			return rapid.SampledFrom([]string{"", "u"}).Draw(t, "prefix") + q + s + q
		}
		kind := rapid.SampledFrom([]string{"f8", "f4", "i8", "i4", "i2", "u8", "u4", "u2"}).Draw(t, "kind")
		order := rapid.SampledFrom([]string{"<", ">", "=", ""}).Draw(t, "order")
		version := rapid.ByteRange(1, 3).Draw(t, "version")
		long := ""
		if version < 3 {
			long = rapid.SampledFrom([]string{"", "L"}).Draw(t, "long")
		}
		var sizes []string
		count := 1
		for _, s := range shape {
			sizes = append(sizes, fmt.Sprintf("%s%d%s%s", space(), s, long, space()))
			count *= s
		}
		comma := ""
		if len(sizes) == 1 || len(sizes) > 1 && rapid.Bool().Draw(t, "comma") {
			comma = ","
		}
		entries := []string{
			text("descr") + space() + ":" + space() + text(order+kind),
			text("fortran_order") + ":" + space() + map[bool]string{true: "True", false: "False"}[fortran],
			text("shape") + space() + ":" + space() + "(" + strings.Join(sizes, ",") + comma + ")",
		}
		entries = rapid.Permutation(entries).Draw(t, "entries")
		h := space() + "{" + space() + strings.Join(entries, space()+","+space()) + space()
		if rapid.Bool().Draw(t, "last comma") {
			h += "," + space()
		}
		h += "}" + space()

		want := make([]float64, count)
		var byteOrder binary.AppendByteOrder = binary.LittleEndian
		if order == ">" {
			byteOrder = binary.BigEndian
		}
		raw := []byte("\x93NUMPY" + string([]byte{version, 0}))
		if version == 1 {
			raw = binary.LittleEndian.AppendUint16(raw, uint16(len(h)))
		} else {
			raw = binary.LittleEndian.AppendUint32(raw, uint32(len(h)))
		}
		raw = append(raw, h...)
		for i := range want {
			v := rapid.Int16Range(0, 30_000).Draw(t, "v")
			at := i
			if fortran && len(shape) == 2 {
				at = i%shape[0]*shape[1] + i/shape[0]
			}
			want[at] = float64(v)
			switch kind {
			case "f8":
				raw = byteOrder.AppendUint64(raw, math.Float64bits(float64(v)))
			case "f4":
				raw = byteOrder.AppendUint32(raw, math.Float32bits(float32(v)))
			case "i8", "u8":
				raw = byteOrder.AppendUint64(raw, uint64(v))
			case "i4", "u4":
				raw = byteOrder.AppendUint32(raw, uint32(v))
			default:
				raw = byteOrder.AppendUint16(raw, uint16(v))
			}
		}
		a, err := Parse(raw, 1<<24)
		if err != nil {
			t.Fatalf("%q: %v", h, err)
		}
		if !slices.Equal(a.Shape, shape) || !slices.Equal(a.Data, want) {
			t.Fatalf("%q: %v %v, want %v %v", h, a.Shape, a.Data, shape, want)
		}
	})
}

// Any section is an array of what its shape says, or an error in one line.
func FuzzParse(f *testing.F) {
	for _, c := range samples(f) {
		section, err := base64.StdEncoding.DecodeString(c.Section)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(section)
	}
	f.Fuzz(func(t *testing.T, section []byte) {
		a, err := Parse(section, 1<<24)
		if err != nil {
			if s := err.Error(); strings.ContainsAny(s, "\n\r") || strings.Contains(s, "runtime error") || len(s) > 500 {
				t.Errorf("error %q", s)
			}
			return
		}
		count := 1
		for _, s := range a.Shape {
			count *= s
		}
		if count != len(a.Data) {
			t.Errorf("%d numbers of shape %v", len(a.Data), a.Shape)
		}
	})
}
