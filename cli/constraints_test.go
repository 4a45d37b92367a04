package cli

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"paspo/internal/check"
	"paspo/internal/long"
	"paspo/lp/interval/closedform"
)

// file writes a file into a folder of the test.
func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

const mine = `entities: [CASH, MSFT, AAPL]
bounds: {MSFT: [0, 0.3]}
groups: {TECH: [MSFT, AAPL]}
constraints:
  - {name: tech, expr: "TECH <= 0.5"}
  - {name: loose, expr: "TECH <= 0.9"}
`

func TestShow(t *testing.T) {
	for _, args := range [][]string{{"portfolio"}, {"compute"}, {"synthetic"}, {"unconstrained", "--entities", "4"}, {"factor"}} {
		out := succeed(t, "", append([]string{"constraints", "show"}, args...)...)
		// The printed file describes the same polytope.
		path := file(t, "shown.yaml", out)
		first := succeed(t, "[]", append([]string{"constraints", "bounds"}, args...)...)
		if again := succeed(t, "[]", "constraints", "bounds", path); again != first {
			t.Errorf("%v: %s and %s", args, first, again)
		}
	}
}

func TestCheck(t *testing.T) {
	long.Test(t)
	var c struct {
		Entities []string
		Empty    bool
		Box      []struct {
			Entity string
			Lo, Hi float64
		}
		Rows          []struct{ Name, Expr string }
		FeasibleShare struct{ Estimate, StdErr float64 } `json:"feasible_share"`
		Redundant     []string
		Export        struct{ Possible bool }
		Intervals     struct {
			Method, Reason string
			Form           *closedform.Compiled `json:"closed_form"`
		}
	}
	out := succeed(t, "", "constraints", "check", file(t, "mine.yaml", mine), "--json")
	if err := json.Unmarshal([]byte(out), &c); err != nil {
		t.Fatal(err)
	}
	want := []float64{0.5, 1, 0, 0.3, 0, 0.5}
	for i, b := range c.Box {
		if math.Abs(b.Lo-want[2*i]) > 1e-9 || math.Abs(b.Hi-want[2*i+1]) > 1e-9 {
			t.Errorf("%s in %g .. %g", b.Entity, b.Lo, b.Hi)
		}
	}
	// Of the triangle CASH + MSFT + AAPL = 1, TECH <= 0.5 leaves a quarter, and
	// MSFT <= 0.3 takes a corner of 0.2^2 of the whole off.
	if s := c.FeasibleShare; math.Abs(s.Estimate-0.21) > 4*s.StdErr || s.StdErr > 1e-3 {
		t.Errorf("share %+v, want 0.21", s)
	}
	if len(c.Redundant) != 1 || c.Redundant[0] != "loose" || len(c.Rows) != 3 || c.Rows[1].Expr != "MSFT + AAPL <= 0.5" {
		t.Errorf("%s", out)
	}

	if f := c.Intervals.Form; c.Intervals.Method != "explicit" || f == nil || len(f.Entities) != 3 || f.How != closedform.FromDual || !f.AnyLimits || f.Rays == 0 || !c.Export.Possible {
		t.Errorf("%s", out)
	}

	for name, share := range map[string]float64{"portfolio": 0.2398, "compute": 0.2010, "synthetic": 0.0481} {
		out := succeed(t, "", "constraints", "check", name, "--json")
		if err := json.Unmarshal([]byte(out), &c); err != nil {
			t.Fatal(err)
		}
		// The published shares have four digits.
		if s := c.FeasibleShare; math.Abs(s.Estimate-share) > 4*s.StdErr+5e-4 {
			t.Errorf("%s: share %+v, want %g", name, s, share)
		}
	}
}

func TestCheckEmpty(t *testing.T) {
	empty := file(t, "empty.yaml", `entities: [A, B, C]
constraints:
  - {name: low, expr: "A + B <= 0.2"}
  - {name: high, expr: "A >= 0.4"}
  - {name: other, expr: "C <= 1"}
`)
	status, out, errs := command(t, "", "constraints", "check", empty)
	lines := strings.Split(strings.TrimSpace(errs), "\n")
	if status != 1 || out != "" || len(lines) > 5 || !strings.Contains(errs, "low") || !strings.Contains(errs, "high") || strings.Contains(errs, "other") {
		t.Errorf("status %d, stdout %q, stderr %q", status, out, errs)
	}
	status, out, _ = command(t, "", "constraints", "check", empty, "--json")
	var c struct {
		Empty    bool
		Conflict []string
		Amount   float64
	}
	if err := json.Unmarshal([]byte(out), &c); err != nil || status != 1 || !c.Empty || math.Abs(c.Amount-0.2/3) > 1e-9 || !slices.Equal(c.Conflict, []string{"low: A + B <= 0.2", "high: A >= 0.4", "B >= 0"}) {
		t.Errorf("status %d, %s", status, out)
	}

	// The amount is one of the limits as they are written: 100 (50 - t) <= 1000 + t.
	large := file(t, "large.yaml", "entities: [A, B]\ntotal: 1000\nconstraints:\n  - {name: low, expr: \"100*A <= 1000\"}\n  - {name: high, expr: \"A >= 50\"}\n")
	_, out, _ = command(t, "", "constraints", "check", large, "--json")
	if err := json.Unmarshal([]byte(out), &c); err != nil || math.Abs(c.Amount-4000./101) > 1e-6 {
		t.Errorf("%v, %s", err, out)
	}

	var many strings.Builder
	writeConflict(&many, "x", slices.Repeat([]string{"a"}, check.MostRows+2))
	if s := many.String(); strings.Count(s, "  a\n") != check.MostRows || !strings.HasSuffix(s, "  and 2 more; --json has all\n") {
		t.Errorf("%q", s)
	}
}

// crowded is a polytope that exceeds the budget of the closed form.
func crowded() string {
	var b strings.Builder
	b.WriteString("entities: [")
	for j := range 24 {
		fmt.Fprintf(&b, "E%d, ", j)
	}
	b.WriteString("]\nbounds: {")
	for j := range 24 {
		fmt.Fprintf(&b, "E%d: [0, %g], ", j, 0.08+float64(j%5)/100)
	}
	b.WriteString("}\nconstraints:\n")
	for k := range 5 {
		fmt.Fprintf(&b, "  - {name: \"row %d\", max: 0.6, coefficients: {", k)
		for j := range 24 {
			fmt.Fprintf(&b, "E%d: %g, ", j, float64((7*j*j+13*j*k+5*k+1)%97)/97)
		}
		b.WriteString("}}\n")
	}
	return b.String()
}

func TestBeyondBudget(t *testing.T) {
	long.Test(t)
	path := file(t, "crowded.yaml", crowded())
	want := succeed(t, "[]\n[0.01,0.02]\n", "constraints", "bounds", path, "--solver", "clp")
	status, out, errs := command(t, "[]\n[0.01,0.02]\n", "constraints", "bounds", path, "--solver", "explicit")
	if status != 0 || !strings.Contains(errs, "beyond its budget") || !strings.Contains(errs, "; intervals by ") || strings.Count(errs, "\n") != 1 {
		t.Fatalf("status %d, %s%s", status, out, errs)
	}
	for i, line := range strings.Split(strings.TrimSpace(out), "\n") {
		var a, b struct{ Lo, Hi float64 }
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(strings.Split(want, "\n")[i]), &b); err != nil {
			t.Fatal(err)
		}
		if math.Abs(a.Lo-b.Lo) > 1e-9 || math.Abs(a.Hi-b.Hi) > 1e-9 {
			t.Errorf("%+v, want %+v", a, b)
		}
	}
	holdings := file(t, "turnover.yaml", "entities: [CASH, A, B]\nholdings: {CASH: 1}\nconstraints: [\"turnover(ALL) <= 0.2\"]\n")
	if out := succeed(t, "", "constraints", "check", holdings); !strings.Contains(out, "closed form: none, since holdings move rows with convex terms in every state; intervals by simplex\nexport to ONNX: possible\n") {
		t.Errorf("%s", out)
	}
	out = succeed(t, "", "constraints", "check", path)
	if !strings.Contains(out, "closed form: none, the closed form of the interval of ") || !strings.Contains(out, "; intervals by ") {
		t.Errorf("%s", out)
	}
}

func TestErrorsAreReadable(t *testing.T) {
	path := file(t, "less.yaml", "entities: [A, B, C]\nconstraints: [{name: \"A < B\", expr: \"A + B <= 0.5\"}]\n")
	_, out, _ := command(t, "[0.4, 0.3]\n", "constraints", "bounds", path)
	if !strings.Contains(out, "A < B") {
		t.Errorf("%s", out)
	}
}

func TestBounds(t *testing.T) {
	in := "[]\n[0.7]\n[0.7, 0.1]\n[0.4]\n[0.4999999]\n[0.7, 0.1, 0.2]\nx\n[null]\n"
	for _, solver := range []string{"auto", "clp"} {
		status, out, errs := command(t, in, "constraints", "bounds", file(t, "mine.yaml", mine), "--solver", solver)
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if len(lines) != 8 || status != 1 || errs != "train: 3 of 8 prefixes could not be answered\n" {
			t.Fatalf("%s: status %d, %s%s", solver, status, out, errs)
		}
		for i, want := range [][2]float64{{0.5, 1}, {0, 0.3}, {0.2, 0.2}} {
			var b struct{ Lo, Hi float64 }
			if err := json.Unmarshal([]byte(lines[i]), &b); err != nil || math.Abs(b.Lo-want[0]) > 1e-9 || math.Abs(b.Hi-want[1]) > 1e-9 {
				t.Errorf("%s: line %d is %s, want %v", solver, i, lines[i], want)
			}
		}
		if !strings.Contains(lines[3], `"error":"no allocation has this prefix: infeasible by 0.`) || !strings.Contains(lines[3], "tech") {
			t.Errorf("%s: infeasible prefix: %s", solver, lines[3])
		}
		if !strings.Contains(lines[4], `"lo":`) {
			t.Errorf("%s: prefix infeasible by 1e-7: %s", solver, lines[4])
		}
		for _, line := range lines[5:] {
			if !strings.Contains(line, `"error":"line `) {
				t.Errorf("%s: bad line: %s", solver, line)
			}
		}
	}
	// An infeasible prefix does not change the exit status, and --tol sets the tolerance.
	out := succeed(t, "[0.4999999]\n[]", "constraints", "bounds", file(t, "mine.yaml", mine), "--tol", "1e-9")
	if lines := strings.Split(out, "\n"); !strings.Contains(lines[0], "error") || !strings.Contains(lines[1], "lo") {
		t.Errorf("--tol 1e-9: %s", out)
	}
}

func TestSample(t *testing.T) {
	path := file(t, "mine.yaml", mine)
	out := succeed(t, "", "constraints", "sample", path, "-n", "200")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 200 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, line := range lines {
		var a []float64
		if err := json.Unmarshal([]byte(line), &a); err != nil || len(a) != 3 {
			t.Fatalf("%s: %v", line, err)
		}
		if s := a[0] + a[1] + a[2]; math.Abs(s-1) > 1e-12 || a[1]+a[2] > 0.5+1e-12 || a[1] > 0.3+1e-12 {
			t.Errorf("%v is not feasible", a)
		}
	}
	if again := succeed(t, "", "constraints", "sample", path, "-n", "200"); again != out {
		t.Error("the same seed gives other points")
	}
	if other := succeed(t, "", "constraints", "sample", path, "-n", "200", "--seed", "2"); other == out {
		t.Error("another seed gives the same points")
	}
}

// A zero is written without a sign, and counts of one with a singular.
func TestCheckWrites(t *testing.T) {
	out := succeed(t, "", "constraints", "check", file(t, "one.yaml", `entities: [A]
total: none
bounds: {A: [-1, -0.0]}
constraints: [{name: r, coefficients: {A: 1}, max: -0.0}]
`))
	if !strings.Contains(out, ": 1 entity, 1 row\n") || !strings.Contains(out, "  r: A <= 0\n") || strings.Contains(out, "-0\n") {
		t.Error(out)
	}
}
