package lp

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// presetPolytope reads a preset of package constraints, which imports this one.
func presetPolytope(name string) (*Polytope, error) {
	data, err := os.ReadFile(filepath.Join("constraints", "presets", name+".json"))
	if err != nil {
		return nil, err
	}
	var d Description
	var f struct {
		Rows []struct {
			Name string
			Coef []float64
			Max  float64
		}
	}
	if err := json.Unmarshal(data, &struct {
		*Description
		Rows any
	}{Description: &d}); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, err
	}
	d.Name, d.Total = name, 1
	for _, r := range f.Rows {
		d.Rows = append(d.Rows, Row{Name: r.Name, Coef: r.Coef, Min: math.Inf(-1), Max: r.Max})
	}
	return New(d)
}

// testNames returns E1 .. En.
func testNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("E%d", i+1)
	}
	return names
}

func samplePreset(t testing.TB, name string, entities int) *Polytope {
	t.Helper()
	if name == "unconstrained" {
		return sampleNew(t, Description{Entities: testNames(entities), Total: 1})
	}
	p, err := presetPolytope(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func sampleNew(t testing.TB, d Description) *Polytope {
	t.Helper()
	p, err := New(d)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
