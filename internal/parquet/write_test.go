package parquet

import (
	"bytes"
	"encoding/csv"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	_ "paspo/internal/seeded"
)

// written is a table of every kind, with cells that are not there.
var written = []Column{
	{"seed", Integer, []string{"1", "", "-9223372036854775808", "9223372036854775807", "4", "5", "6", "7", "8"}},
	{"return", Number, []string{"0.1", "-1e-300", "", "NaN", "13", "1.7976931348623157e+308", "0", "-0", "2"}},
	{"run", Text, []string{"sweeps/a/runs/0001-seed-1", "", "é, \"b\"\n", "d", "e", "f", "g", "h", "i"}},
}

// What is written are the bytes that pyarrow 26.0.1 and DuckDB 2.0.1 have read as this table.
func TestWrite(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, written); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), read(t, "testdata/written.parquet")) {
		t.Error("the bytes are not those of testdata/written.parquet")
	}
}

// What is written is read again, however many rows and columns there are.
func TestWriteRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.IntRange(0, 20).Draw(t, "rows")
		columns := make([]Column, rapid.IntRange(1, 20).Draw(t, "columns"))
		for j := range columns {
			cell := rapid.OneOf(rapid.Just(""), rapid.StringMatching(`[a-z é]{1,9}`))
			columns[j] = Column{Name: strings.Repeat("c", j+1), Kind: Text, Cells: rapid.SliceOfN(cell, rows, rows).Draw(t, "cells")}
		}
		var b bytes.Buffer
		if err := Write(&b, columns); err != nil {
			t.Fatal(err)
		}
		table, err := Read(b.Bytes(), most)
		if err != nil || table.Rows != rows || len(table.Names()) != len(columns) {
			t.Fatalf("%+v, %v", table, err)
		}
		for j, c := range columns {
			for i, want := range c.Cells {
				if got := table.Text(i, j); got != want || table.Names()[j] != c.Name {
					t.Errorf("%s, row %d: %q, want %q", c.Name, i, got, want)
				}
			}
		}
	})
}

func TestKindOf(t *testing.T) {
	for cells, want := range map[string]Kind{"1,-2,": Integer, "1,1e-3,": Number, "1,none": Text, "1_000": Number,
		"9007199254740993": Integer, "18446744073709551615,5": Text, "9_007_199_254_740_993": Text, "0.5,9007199254740993": Text, "18446744073709551616,0.5": Number} {
		record, err := csv.NewReader(strings.NewReader(cells)).Read()
		if err != nil {
			t.Fatal(err)
		}
		if got := KindOf(record); got != want {
			t.Errorf("%q: %v, want %v", cells, got, want)
		}
	}
	if err := Write(os.Stdout, []Column{{"n", Integer, []string{"1.5"}}}); err == nil || !strings.Contains(err.Error(), `column "n": "1.5"`) {
		t.Error(err)
	}
}
