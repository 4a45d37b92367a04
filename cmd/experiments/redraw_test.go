package main

import (
	"fmt"
	"io"
	"os"
	"reflect"
	"testing"
)

// What is written of runs can be drawn again.
func TestReadRuns(t *testing.T) {
	want := [][]*run{
		{{Setting: "paper's", Seed: 1, Curve: []point{{512, 0.25, -1}, {1024, 0.5, 2e-7}}}, {Setting: "paper's", Seed: 2, Curve: []point{{512, 3, 4}}}},
		{{Setting: "a=1, b=2", Seed: 2, Curve: []point{{1e12, 5, 6}}}},
	}
	out := &output{dir: t.TempDir()}
	if err := out.runs("env", want); err != nil {
		t.Fatal(err)
	}
	got, err := readRuns(out.dir + "/env.csv")
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, error %v", got, err)
	}
	if err := out.csv("bad", [][]string{{"a", "b", "c", "d", "e"}, {"x", "1", "two", "3", "4"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := readRuns(out.dir + "/bad.csv"); err == nil {
		t.Error("a step that is no number passes")
	}
}

// A table goes into the README where that has a place for it, again and again.
func TestTableInREADME(t *testing.T) {
	out := &output{dir: t.TempDir(), log: io.Discard}
	readme := out.dir + "/README.md"
	const text = "before\n<!-- a.md -->%s<!-- end -->\nafter <!-- end -->\n"
	if err := os.WriteFile(readme, fmt.Appendf(nil, text, "\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"b", "a", "a"} {
		if err := out.table(name, [][]string{{"x", "y"}, {"1", name}}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(readme)
	if want := fmt.Sprintf(text, "\n| x | y |\n|---|---|\n| 1 | a |\n"); err != nil || string(got) != want {
		t.Errorf("%q, want %q, error %v", got, want, err)
	}
}
