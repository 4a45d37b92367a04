package main

import (
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"

	"paspo/cmd/experiments/internal/output"
	"paspo/internal/rng"
	"paspo/internal/stats"
)

// What is written of runs can be drawn again.
func TestReadRuns(t *testing.T) {
	want := [][]*run{
		{{Setting: "paper's", Seed: 1, Curve: []point{{512, 0.25, -1}, {1024, 0.5, 2e-7}}}, {Setting: "paper's", Seed: 2, Curve: []point{{512, 3, 4}}}},
		{{Setting: "a=1, b=2", Seed: 2, Curve: []point{{1e12, 5, 6}}}},
	}
	out := &output.Folder{Dir: t.TempDir()}
	if err := writeRuns(out, "env", want); err != nil {
		t.Fatal(err)
	}
	got, err := readRuns(out.Dir + "/env.csv")
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, error %v", got, err)
	}
	if err := out.CSV("bad", [][]string{{"a", "b", "c", "d", "e"}, {"x", "1", "two", "3", "4"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := readRuns(out.Dir + "/bad.csv"); err == nil {
		t.Error("a step that is no number passes")
	}
}

// Learning is drawn again for the environments that were trained on, and a folder without any
// is an error.
func TestRedrawsWhatIsThere(t *testing.T) {
	out := &output.Folder{Dir: t.TempDir(), Log: io.Discard}
	if err := redrawLearning(t.Context(), out); err == nil || !strings.Contains(err.Error(), out.Dir) {
		t.Errorf("an empty folder: error %v", err)
	}
	if err := writeRuns(out, "synthetic", [][]*run{{{Setting: "a", Seed: 1, Curve: []point{{512, 0.25, 0.2}, {1024, 0.5, 0.4}}}}}); err != nil {
		t.Fatal(err)
	}
	if err := redrawLearning(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(out.Dir + "/synthetic.svg"); err != nil {
		t.Error(err)
	}
}

// A single seed has a value and no interval.
func TestOneSeedHasNoInterval(t *testing.T) {
	one := stats.MeanInterval([]float64{0.5}, 0.95, rng.New(1))
	w := row{Name: "a", Trained: true, Mode: one, Share: one}
	text := w.line() + fmt.Sprint((&results{Rows: []row{w}}).table())
	if strings.Contains(text, "NaN") || strings.Contains(text, "..") || !strings.Contains(text, "50.0 %") || !strings.Contains(text, "0.5000") {
		t.Error(text)
	}
	w.Share.Low, w.Share.High = 0.25, 0.75
	if text := w.line(); !strings.Contains(text, "50.0 % of the way (95 % over seeds: 25.0 % .. 75.0 %), worst") {
		t.Error(text)
	}
}

// A table goes into the README where that has a place for it, again and again.
func TestTableInREADME(t *testing.T) {
	out := &output.Folder{Dir: t.TempDir(), Log: io.Discard}
	readme := out.Dir + "/README.md"
	const text = "before\n<!-- a.md -->%s<!-- end -->\nafter <!-- end -->\n"
	if err := os.WriteFile(readme, fmt.Appendf(nil, text, "\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"b", "a", "a"} {
		if err := out.Table(name, [][]string{{"x", "y"}, {"1", name}}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(readme)
	if want := fmt.Sprintf(text, "\n| x | y |\n|---|---|\n| 1 | a |\n"); err != nil || string(got) != want {
		t.Errorf("%q, want %q, error %v", got, want, err)
	}
}
