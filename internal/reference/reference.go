package reference

import (
	"embed"
	"encoding/csv"
	"encoding/json"
	"strconv"
	"testing"
)

//go:embed *.json *.csv
var files embed.FS

// Read decodes a file of JSON into v.
func Read(t testing.TB, name string, v any) {
	t.Helper()
	data, err := files.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// Table returns the rows of a table, without its heads.
func Table(t testing.TB, name string) (rows [][]float64) {
	t.Helper()
	f, err := files.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for i, r := range records[1:] {
		row := make([]float64, len(r))
		for j, s := range r {
			if row[j], err = strconv.ParseFloat(s, 64); err != nil {
				t.Fatalf("%s, line %d: %v", name, i+2, err)
			}
		}
		rows = append(rows, row)
	}
	return rows
}
