package parquet

import (
	"bytes"
	"encoding/csv"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"paspo/internal/long"
)

const most = 1 << 20

// What pyarrow has written (testdata/write.py) is read cell by cell, whatever its types, pages
// and compression.
func TestRead(t *testing.T) {
	f, err := os.Open("testdata/table.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/wide-*.parquet")
	if err != nil || len(files) != 8 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		table, err := Read(read(t, file), most)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if table.Rows != len(want)-1 || len(table.Names()) != 3 {
			t.Fatalf("%s has %d rows of %q", file, table.Rows, table.Names())
		}
		for i, record := range want[1:] {
			for j, name := range table.Names() {
				k := map[string]int{"A": 1, "B": 2}[name] // 0 for what dates are called
				got, text := table.Text(i, j), record[k]
				x, err := strconv.ParseFloat(got, 64)
				y, _ := strconv.ParseFloat(text, 64)
				if k == 0 && got != text || k > 0 && (err != nil || x != y) {
					t.Errorf("%s: row %d, %s is %q, want %q", file, i, name, got, text)
				}
			}
		}
	}
}

// What is not read names the column and what is.
func TestRefused(t *testing.T) {
	for name, want := range map[string]string{
		"boolean": `column "A" has a type that is none of numbers, decimals, dates, timestamps and strings`,
		"list":    `column "A" has lists or structs: a flat table is allowed`,
		"delta":   `column "A": values have the encoding DELTA_BINARY_PACKED, which is not read`,
		"lz4":     `column "date": it is compressed by LZ4: none, Snappy, gzip and Zstandard are allowed`,
	} {
		if _, err := Read(read(t, "testdata/"+name+".parquet"), most); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	data := read(t, "testdata/wide-snappy.parquet")
	if _, err := Read(data, 100); err == nil || !strings.Contains(err.Error(), "at most 12 numbers are allowed") {
		t.Error(err)
	}
	if _, err := Read(data, 21*8); err == nil || !strings.Contains(err.Error(), "decompressed, is allowed in all") {
		t.Error(err)
	}
}

// A file that is cut off anywhere is an error, and one with a byte changed is one or is read.
func TestDamaged(t *testing.T) {
	long.Test(t)
	files, err := filepath.Glob("testdata/*.parquet")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, file := range files {
		data := read(t, file)
		for n := range data {
			if _, err := Read(data[:n], most); err == nil {
				t.Fatalf("%s is read where %d bytes are left", file, n)
			}
		}
		for n := range data {
			for _, x := range []byte{1, 0x80, 0xff} {
				bad := bytes.Clone(data)
				bad[n] ^= x
				texts(bad)
			}
		}
	}
}

func TestWriters(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{point(big.NewInt(-5), 2), "-0.05"},
		{point(big.NewInt(12345), 2), "123.45"},
		{point(big.NewInt(7), 0), "7"},
		{point(signed([]byte{0xff, 0x38}), 1), "-20.0"},
		{point(signed([]byte{0, 200}), 0), "200"},
		{moment(time.Unix(-86400, 0), time.UTC), "1969-12-31"},
		{moment(time.Unix(3600, 5e8), time.UTC), "1970-01-01T01:00:00.5Z"},
	} {
		if c.got != c.want {
			t.Errorf("%s, want %s", c.got, c.want)
		}
	}
}

func texts(data []byte) {
	table, err := Read(data, most)
	if err != nil {
		return
	}
	for i := range table.Rows {
		for j := range table.Names() {
			table.Text(i, j)
		}
	}
}

func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/*.parquet")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(_ *testing.T, data []byte) { texts(data) })
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
