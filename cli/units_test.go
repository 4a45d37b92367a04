package cli

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"paspo/internal/long"
)

// inUnits returns a constraints file with amounts multiplied by unit, and rows by size.
func inUnits(t *testing.T, unit, size float64) string {
	return file(t, "constraints.yaml", fmt.Sprintf(`entities: [A, B, C, D]
total: %v
bounds: {B: [0, %v]}
constraints:
  - {name: cap, coefficients: {A: %v, C: %v}, max: %v}
  - {name: floor, coefficients: {A: %v, D: %v}, min: %v}
  - {name: loose, coefficients: {A: %v, D: %v}, max: %v}
`, unit, 0.625*unit, size, size/2, 0.375*size*unit, size, size, 0.25*size*unit, size, size, 2*size*unit))
}

// Every command gives the same results for constraints in other units, up to the unit.
func TestConstraintsInOtherUnits(t *testing.T) {
	long.Test(t)
	type answer struct {
		Box       []struct{ Lo, Hi float64 }
		Share     struct{ Estimate float64 } `json:"feasible_share"`
		Redundant []string

		numbers []float64 // intervals, then points
	}
	ask := func(unit, size float64) answer {
		path := inUnits(t, unit, size)
		var a answer
		if err := json.Unmarshal([]byte(succeed(t, "", "constraints", "check", path, "--json")), &a); err != nil {
			t.Fatal(err)
		}
		for _, b := range a.Box {
			a.numbers = append(a.numbers, b.Lo/unit, b.Hi/unit)
		}
		prefixes := fmt.Sprintf("[]\n[%v]\n[%v, %v]\n", 0.125*unit, 0.125*unit, 0.25*unit)
		for line := range strings.Lines(succeed(t, prefixes, "constraints", "bounds", path)) {
			var b struct{ Lo, Hi float64 }
			if err := json.Unmarshal([]byte(line), &b); err != nil {
				t.Fatal(err)
			}
			a.numbers = append(a.numbers, b.Lo/unit, b.Hi/unit)
		}
		for line := range strings.Lines(succeed(t, "", "constraints", "sample", path, "-n", "5")) {
			var x []float64
			if err := json.Unmarshal([]byte(line), &x); err != nil {
				t.Fatal(err)
			}
			for _, v := range x {
				a.numbers = append(a.numbers, v/unit)
			}
		}
		return a
	}
	want := ask(1, 1)
	if len(want.numbers) != 8+6+20 || !slices.Equal(want.Redundant, []string{"loose"}) {
		t.Fatalf("%+v", want)
	}
	for _, by := range [][2]float64{{0x1p20, 1}, {0x1p-40, 0x1p46}, {1, 0x1p-46}, {1e12, 1e-14}, {1e-12, 1e14}} {
		got := ask(by[0], by[1])
		near := 1e-9
		if by[0] != 1e12 && by[0] != 1e-12 {
			near = 0
		}
		for k, v := range want.numbers {
			if math.Abs(got.numbers[k]-v) > near {
				t.Errorf("amounts by %g, rows by %g: number %d is %v, not %v", by[0], by[1], k, got.numbers[k], v)
			}
		}
		if !slices.Equal(got.Redundant, want.Redundant) || math.Abs(got.Share.Estimate-want.Share.Estimate) > 1e-4 {
			t.Errorf("amounts by %g, rows by %g: redundant %q, share %v, not %v", by[0], by[1], got.Redundant, got.Share, want.Share)
		}
	}
}

// Every command gives the same results for a polytope, however a file states it: ranges and shares
// for any order of entities, intervals and points for any order of rows.
func TestConstraintsHoweverStated(t *testing.T) {
	long.Test(t)
	const rows = `- {name: cap, coefficients: {A: 1, C: 0.5}, max: 0.375}
- {name: floor, coefficients: {A: 1, D: 1}, min: 0.25}
`
	type answer struct {
		Box []struct {
			Entity string
			Lo, Hi float64
		}
		Share     struct{ Estimate float64 } `json:"feasible_share"`
		Redundant []string

		ranges             map[string][2]float64
		intervals, samples []float64
	}
	ask := func(entities, more string) (a answer) {
		path := file(t, "constraints.yaml", "entities: ["+entities+"]\nbounds: {B: [0, 0.625]}\n"+more)
		if err := json.Unmarshal([]byte(succeed(t, "", "constraints", "check", path, "--json")), &a); err != nil {
			t.Fatal(err)
		}
		a.ranges = map[string][2]float64{}
		for _, b := range a.Box {
			a.ranges[b.Entity] = [2]float64{b.Lo, b.Hi}
		}
		for line := range strings.Lines(succeed(t, "[]\n[0.125]\n[0.125, 0.25]\n", "constraints", "bounds", path)) {
			var b struct{ Lo, Hi float64 }
			if err := json.Unmarshal([]byte(line), &b); err != nil {
				t.Fatal(err)
			}
			a.intervals = append(a.intervals, b.Lo, b.Hi)
		}
		for line := range strings.Lines(succeed(t, "", "constraints", "sample", path, "-n", "5")) {
			var x []float64
			if err := json.Unmarshal([]byte(line), &x); err != nil {
				t.Fatal(err)
			}
			a.samples = append(a.samples, x...)
		}
		return a
	}
	near := func(a, b []float64) bool {
		return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) <= 1e-9 })
	}
	const order = "A, B, C, D"
	want := ask(order, "total: 1\nconstraints:\n"+rows)
	if len(want.ranges) != 4 || len(want.intervals) != 6 || len(want.samples) != 20 || len(want.Redundant) != 0 {
		t.Fatalf("%+v", want)
	}
	first, second, _ := strings.Cut(rows, "\n")
	for name, c := range map[string]struct {
		entities, more string
		redundant      int
	}{
		"rows permuted":     {order, "total: 1\nconstraints:\n" + second + first + "\n", 0},
		"rows repeated":     {order, "total: 1\nconstraints:\n" + rows + "- {name: again, coefficients: {A: 3, C: 1.5}, max: 1.125}\n", 1},
		"rows redundant":    {order, "total: 1\nconstraints:\n" + rows + "- {name: loose, coefficients: {A: 1, D: 1}, max: 2}\n", 1},
		"total as a pair":   {order, "total: none\nconstraints:\n" + rows + "- {name: least, expr: A + B + C + D >= 1}\n- {name: most, expr: A + B + C + D <= 1}\n", 0},
		"entities permuted": {"D, B, A, C", "total: 1\nconstraints:\n" + rows, 0},
	} {
		got := ask(c.entities, c.more)
		for e, r := range want.ranges {
			if math.Abs(got.ranges[e][0]-r[0]) > 1e-9 || math.Abs(got.ranges[e][1]-r[1]) > 1e-9 {
				t.Errorf("%s: %s is in %v, not %v", name, e, got.ranges[e], r)
			}
		}
		if math.Abs(got.Share.Estimate-want.Share.Estimate) > 0.01 || len(got.Redundant) != c.redundant {
			t.Errorf("%s: a share of %v, not %v; redundant are %q", name, got.Share.Estimate, want.Share.Estimate, got.Redundant)
		}
		if c.entities == order && (!near(got.intervals, want.intervals) || !near(got.samples, want.samples)) {
			t.Errorf("%s: got %v and %v\nwant %v and %v", name, got.intervals, got.samples, want.intervals, want.samples)
		}
	}
}

// A policy that is trained under rows in another scale takes the same actions.
func TestTrainUnderRowsInAnotherScale(t *testing.T) {
	long.Test(t)
	var first string
	for _, size := range []float64{1, 0x1p-46, 0x1p46} {
		dir := filepath.Join(t.TempDir(), "run")
		out := succeed(t, "", with("--env", "synthetic", "--set", "env.synthetic.entities=4", "--set", "env.synthetic.seed=1", "--constraints", inUnits(t, 1, size),
			"--steps", "512", "--out", dir)...)
		if !strings.Contains(out, "violations (> 1e-6): 0\n") {
			t.Errorf("rows by %g:\n%s", size, out)
		}
		acted := strings.ReplaceAll(succeed(t, "", "eval", dir, "--episodes", "20", "--json"), dir, "")
		if first == "" {
			first = acted
		}
		if acted != first {
			t.Errorf("rows by %g:\n%s\nnot\n%s", size, acted, first)
		}
	}
}
