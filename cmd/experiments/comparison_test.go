package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Trainings are gathered by algorithm: what broke nothing first, then the best first.
func TestComparedCells(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.csv")
	const head = "variant,env.name,algo.name,seed,return,max_residual,violations,processor_seconds\n"
	text := head + `false,e,free,1,9,0.5,7,1
false,e,kept,1,1,1e-16,0,2
false,e,kept,2,3,2e-16,0,4
false,e,best,1,4,0,0,1
true,e,kept,2,2,0,5,1
true,e,kept,1,0.5,0,1,1
true,e,kept,3,50,0,70,1
false,f,kept,1,100,0,0,1
`
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	rows, err := readComparison(file)
	if err != nil || len(rows) != 8 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	cells := comparedCells(rows, "false", "e")
	if len(cells) != 3 || cells[0].algo != "best" || cells[1].algo != "kept" || cells[2].algo != "free" {
		t.Fatalf("cells %+v", cells)
	}
	if c := cells[1]; c.seconds != 3 || c.residual != 2e-16 || c.violations != 0 || c.value(1) != "2.0 (1.0 .. 3.0)" {
		t.Errorf("%+v, %s", c, c.value(1))
	}
	// By seed the returns differ by -1 and -0.5 and the violations by 5 and 1. Seed 3 has no counterpart.
	returns, broken := comparedCells(rows, "true", "e")[0].less(cells[1], 2)
	if returns != "-0.75 (-1.00 .. -0.50)" || broken != "+3 (+1 .. +5)" {
		t.Errorf("less: %s, %s", returns, broken)
	}
	for bad, want := range map[string]string{head: "no trainings", "a,b\n1,2\n": "no column variant", head + "false,e,x,1,?,0,0,1\n": "row 2"} {
		if err := os.WriteFile(file, []byte(bad), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := readComparison(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", bad, err, want)
		}
	}
}
