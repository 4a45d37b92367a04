package constraints

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// archive writes sections, given as name, header and data, as NumPy does.
func archive(t testing.TB, sections ...[3]string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, s := range sections {
		f, err := w.Create(s[0])
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(f, npySection(s[1], s[2]))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func npySection(header, data string) string {
	header += strings.Repeat(" ", 16) + "\n"
	return fmt.Sprintf("\x93NUMPY\x01\x00%s%s%s", binary.LittleEndian.AppendUint16(nil, uint16(len(header))), header, data)
}

func header(descr string, fortran bool, shape string) string {
	order := "False"
	if fortran {
		order = "True"
	}
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }", descr, order, shape)
}

func doubles(v ...float64) string {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return string(b)
}

func singles(v ...float32) string {
	var b []byte
	for _, x := range v {
		b = binary.BigEndian.AppendUint32(b, math.Float32bits(x))
	}
	return string(b)
}

func TestParseNPZ(t *testing.T) {
	b := [3]string{"b.npy", header("<f8", false, "(2,)"), doubles(0.5, 0.75)}
	for name, data := range map[string][]byte{
		"C order": archive(t, b, [3]string{"A.npy", header("<f8", false, "(2, 3)"), doubles(1, 0, 0.5, 0, 0.25, 1)}),
		"Fortran": archive(t, b, [3]string{"A.npy", header("<f8", true, "(2, 3)"), doubles(1, 0, 0, 0.25, 0.5, 1)}),
		"single":  archive(t, b, [3]string{"A.npy", header(">f4", false, "(2, 3)"), singles(1, 0, 0.5, 0, 0.25, 1)}),
		"column": archive(t, [3]string{"A.npy", header("<f8", false, "(2, 3)"), doubles(1, 0, 0.5, 0, 0.25, 1)},
			[3]string{"b.npy", header("<f8", false, "(2, 1)"), doubles(0.5, 0.75)}),
	} {
		p, err := ParseNPZ("dir/rows.npz", data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		a, rhs, names := p.Inequalities()
		_, f, _ := p.Equalities()
		if p.Name() != "rows" || !slices.Equal(a, []float64{1, 0, 0.5, 0, 0.25, 1}) || !slices.Equal(rhs, []float64{0.5, 0.75}) || names[1] != "row 2" || f[0] != 1 {
			t.Errorf("%s: %v %v %q %v", name, a, rhs, names, f)
		}
	}
}

// Archives that NumPy has written are read, deflated or not.
func TestParseNPZOfNumPy(t *testing.T) {
	for file, want := range map[string][]float64{"numpy.npz": {1, 2}, "numpy-compressed.npz": {0.75, 0.5}} {
		p, err := ReadFile(filepath.Join("testdata", file))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if a, b, _ := p.Inequalities(); !slices.Equal(a, []float64{2, 1, 0, 0.5, -1, 0.25}) || !slices.Equal(b, want) {
			t.Errorf("%s: %v, %v", file, a, b)
		}
	}
}

func TestParseNPZErrors(t *testing.T) {
	a := [3]string{"A.npy", header("<f8", false, "(1, 2)"), doubles(1, 0)}
	b := [3]string{"b.npy", header("<f8", false, "(1,)"), doubles(0.5)}
	with := func(descr, shape, data string) []byte {
		return archive(t, [3]string{"A.npy", header(descr, false, shape), data}, b)
	}
	for _, c := range []struct {
		data []byte
		want string
	}{
		{nil, "x.npz: not an archive of NumPy arrays: zip: not a valid zip file"},
		{[]byte("entities: [A]"), "x.npz: not an archive of NumPy arrays: zip: not a valid zip file"},
		{archive(t, a, b, a), `x.npz: array A is there twice, as the members "A.npy" and "A.npy"`},
		{archive(t, b, [3]string{"b", b[1], b[2]}), `x.npz: array b is there twice, as the members "b.npy" and "b"`},
		{archive(t, a), "x.npz: array b: it is missing"},
		{archive(t, b), "x.npz: array A: it is missing"},
		{archive(t, a, b, [3]string{"c.npy", "", ""}), `x.npz: array "c" has no place; A and b are expected`},
		{archive(t, a, [3]string{"b.npy", header("<f8", false, "(3,)"), doubles(1, 2, 3)}), "x.npz: array b: shape [3]; [1] is expected, as A has 1 row"},
		{with("<f8", "(2,)", doubles(1, 0)), "x.npz: array A: shape [2]; m x n is expected"},
		{with("<f8", "()", doubles(1)), "x.npz: array A: shape []; m x n is expected"},
		{with("<f8", "(0, 2)", ""), "x.npz: array A: shape [0 2]; m x n is expected"},
		{with("<c16", "(1, 2)", doubles(1, 0)), `x.npz: array A: type "<c16"; floating-point numbers of up to 64 bits, integers or truth values are expected`},
		{with("|O", "(1, 2)", doubles(1, 0)), `x.npz: array A: type "|O"; floating-point numbers of up to 64 bits, integers or truth values are expected`},
		{with("<f8", "(1, 3)", doubles(1, 0)), "x.npz: array A: shape [1 3] needs 24 bytes, but there are 16"},
		{with("<f8", "(4294967296, 4294967296)", doubles(1, 0)), "x.npz: array A: shape [4294967296 4294967296] is too large (at most 16777216 numbers)"},
		{with("<f8", "(-1, -2)", doubles(1, 0)), "x.npz: array A: shape [-1 -2] is too large (at most 16777216 numbers)"},
		{with("<f8", "(1, 2)", doubles(1, math.NaN())), "x.npz: polytope x: constraint row 1, coefficient of E2: NaN is not a number of at most 1e+30"},
		{archive(t, [3]string{"A.npy", a[1], doubles(0, 0)}, [3]string{"b.npy", b[1], doubles(-0.5)}), "x.npz: the limits of x leave nothing: no allocation satisfies row 1"},
		{with("<f8", "(1, 2)", doubles(1, 1)), "x.npz: the limits of x leave nothing: no allocation satisfies all of total = 1; row 1"},
		{archive(t, [3]string{"A.npy", "", ""}, b), "x.npz: array A: header: byte 17: it ends too early"},
	} {
		_, err := ParseNPZ("x.npz", c.data)
		if err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
	// A header that claims 4 GB, and one without an end.
	for _, section := range []string{"\x93NUMPY\x02\x00\xff\xff\xff\xff      ", "\x93NUMPY\x01\x00\x04\x00    ", "\x93NUMPY", ""} {
		var buf bytes.Buffer
		w := zip.NewWriter(&buf)
		f, _ := w.Create("A.npy")
		f.Write([]byte(section))
		w.Close()
		if _, err := ParseNPZ("x.npz", buf.Bytes()); err == nil || !strings.HasPrefix(err.Error(), "x.npz: array ") {
			t.Errorf("%q: %v", section, err)
		}
	}
}

// Any archive is a polytope or an error, and takes little memory.
func FuzzNPZ(f *testing.F) {
	b := header("<f8", false, "(1,)")
	for _, a := range []string{npySection(header("<f8", true, "(1, 2)"), doubles(1, 0)), npySection(header(">f4", false, "(1, 2)"), singles(1, 0)), "\x93NUMPY\x02\x00\xff\xff\xff\xff      "} {
		f.Add([]byte(a), []byte(npySection(b, doubles(0.5))))
	}
	f.Add(archive(f, [3]string{"A.npy", header("<f8", false, "(1, 2)"), doubles(1, 0)}, [3]string{"b.npy", b, doubles(0.5)}), []byte{})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var buf bytes.Buffer
		w := zip.NewWriter(&buf)
		for name, section := range map[string][]byte{"A.npy": a, "b.npy": b} {
			f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
			if err != nil {
				t.Fatal(err)
			}
			f.Write(section)
		}
		w.Close()
		for _, data := range [][]byte{a, buf.Bytes()} {
			if _, err := ParseNPZ("x.npz", data); err != nil && (!strings.HasPrefix(err.Error(), "x.npz: ") || strings.Contains(err.Error(), "\n")) {
				t.Errorf("error %q", err)
			}
		}
	})
}
