package cli

import (
	"encoding/json"
	"math"
	"paspo/internal/long"
	"path/filepath"
	"strings"
	"testing"
)

const manyFacets = "generate: {method: points, entities: 10, points: 60, seed: 1}\nfacet_effort: 100\n"

// Intervals of hulls with too many facets come from warm-start bases, and check says so.
func TestHullWithoutFacets(t *testing.T) {
	long.Test(t)
	path := file(t, "hull.yaml", manyFacets)
	in := "[]\n[0.1,0.2]\n[0.4,0.4]\n"
	status, out, errs := command(t, in, "constraints", "bounds", path, "--solver", "explicit")
	if status != 0 || !strings.Contains(errs, "more facets than") || !strings.HasSuffix(errs, "; intervals by lazy\n") {
		t.Fatalf("status %d, %s%s", status, out, errs)
	}
	want := strings.Split(succeed(t, in, "constraints", "bounds", path, "--solver", "clp"), "\n")
	for i, line := range strings.Split(strings.TrimSpace(out), "\n") {
		var a, b struct {
			Lo, Hi float64
			Error  string
		}
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(want[i]), &b); err != nil {
			t.Fatal(err)
		}
		if math.Abs(a.Lo-b.Lo) > 1e-9 || math.Abs(a.Hi-b.Hi) > 1e-9 || (a.Error == "") != (i < 2) || a.Error != b.Error {
			t.Errorf("%+v, by linear programs %+v", a, b)
		}
	}
	out = succeed(t, "", "constraints", "check", path)
	for _, part := range []string{"hull of 60 points", "closed form: none, ", "; intervals by lazy\n", "redundant rows: none"} {
		if !strings.Contains(out, part) {
			t.Errorf("no %q in\n%s", part, out)
		}
	}
}

// Training on such a hull, and the comparison after it, have no violations.
func TestTrainOnHullWithoutFacets(t *testing.T) {
	long.Test(t)
	dir := filepath.Join(t.TempDir(), "run")
	out := succeed(t, "", with("--env", "synthetic", "--set", "env.synthetic.entities=10", "--set", "env.synthetic.seed=1",
		"--constraints", file(t, "hull.yaml", manyFacets), "--steps", "512", "--out", dir)...)
	if !strings.Contains(out, "intervals: lazy") || !strings.Contains(out, "violations (> 1e-6): 0\n") {
		t.Errorf("stdout\n%s", out)
	}
}
