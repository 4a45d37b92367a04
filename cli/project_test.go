package cli

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

// Points come back as the closest allocations, known ones here, in the form in which they came.
func TestProject(t *testing.T) {
	limits := file(t, "limits.yaml", "entities: [A, B, C]\ntotal: 1\nbounds: {A: [0, 0.4]}\nconstraints: [\"abs(B - C) <= 0.2\"]\n")
	project := []string{"constraints", "project", limits}
	// The second is 0.4 of A, and of the others, which add up to 0.6, the closest that differ by 0.2.
	for in, want := range map[string][]float64{
		"[0.2, 0.5, 0.3]": {0.2, 0.5, 0.3},
		"[0.9, 0.8, 0.1]": {0.4, 0.4, 0.2},
		"[1, 1, 1]":       {1. / 3, 1. / 3, 1. / 3},
	} {
		var got []float64
		if err := json.Unmarshal([]byte(succeed(t, in, project...)), &got); err != nil || len(got) != 3 {
			t.Fatal(err, got)
		}
		for j, x := range got {
			if math.Abs(x-want[j]) > 1e-12 {
				t.Errorf("%s: %v, want %v", in, got, want)
				break
			}
		}
	}
	got := succeed(t, "day,C,A,B\nMon,0.3,0.25,0.45\n\"Tue, late\",0.1,0.9,0.8\n", project...)
	rows := strings.Split(strings.TrimSpace(got), "\n")
	if len(rows) != 3 || rows[0] != "day,C,A,B" || rows[1] != "Mon,0.3,0.25,0.45" || !strings.HasPrefix(rows[2], "\"Tue, late\",0.") {
		t.Errorf("%s", got)
	}
	if got := succeed(t, "", project...); got != "" {
		t.Errorf("%q", got)
	}

	status, out, errs := command(t, "[1,2]\n[0.2,0.5,0.3]\n[1,2,1e99]\n{}\n", project...)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if status != 1 || len(lines) != 4 || !strings.Contains(lines[0], "line 1: lp: the point to project has 2 entities, the polytope has 3") ||
		lines[1] != "[0.2,0.5,0.3]" || !strings.Contains(lines[2], "entity C of the point to project is 1e+99") || !strings.Contains(errs, "3 of 4 points could not be answered") {
		t.Errorf("status %d, %s%s", status, out, errs)
	}
	for in, want := range map[string]string{
		"A,B\n0,1\n":               "points, line 1: there is no column C: names of all entities are needed",
		"A,B,C,A\n0,1,0,1\n":       "points, line 1: two columns are called A",
		"A,B,C\n0,1,0\n0,x,0\n":    `points, line 3: B is "x": a number is needed`,
		"A,B,C\n0,1\n":             "record on line 2: wrong number of fields",
		"A,B,C\n0,1,Inf\n":         "points, line 2: lp: entity C of the point to project is +Inf",
		"0.2,0.5,0.3\n0.2,0.5,0.3": "points, line 1: there is no column A",
	} {
		refused(t, want, in, project...)
	}
}
