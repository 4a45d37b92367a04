package check

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"paspo/lp/constraints"
)

// Where limits count from what is held, the report says of which holdings it is: here a cap is
// redundant that binds from others.
func TestHoldings(t *testing.T) {
	for text, want := range map[string]string{
		"turnover(ALL) <= 0.2": "3 entities, 3 rows\nfrom holdings of CASH 0.3333, A 0.3333, B 0.3333 (the file's, or else the allocation closest to equal shares; from others ranges, feasible share and redundant rows are others):\n  CASH  ",
		"turnover(A) <= 0.2":   "3 entities, 3 rows\nfrom holdings of A 0.3333 (the file's, or else the allocation closest to equal shares; from others ranges, feasible share and redundant rows are others):\n  CASH  ",
		"abs(A - B) <= 0.2":    "",
	} {
		file := filepath.Join(t.TempDir(), "limits.yaml")
		if err := os.WriteFile(file, []byte("constraints:\n  - {name: cap, expr: \"A <= 0.7\"}\n  - {name: trade, expr: \""+text+"\"}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := constraints.ReadFileHeld(file, []string{"CASH", "A", "B"})
		if err != nil {
			t.Fatal(err)
		}
		c, err := Polytope(t.Context(), "limits", p)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := c.Write(&b); err != nil || !strings.Contains(b.String(), want) ||
			strings.Contains(b.String(), "from holdings of") != (want != "") || strings.Contains(b.String(), "\nredundant rows from these holdings: cap\n") != (want != "") {
			t.Errorf("%s: %v\n%s", text, err, b.String())
		}
	}
}

// A redundant row of a group that has two is told from the other one.
func TestRedundantRowsOfOneName(t *testing.T) {
	p, err := constraints.Parse("limits", []byte("entities: [A, B, C]\ntotal: 1\ngroups: {G: [A, B], H: [B, C]}\n"+
		"bounds: {G: [0.25, 1.5], H: [0, 0.5]}\nconstraints: [{name: loose, expr: \"A <= 2\"}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := Polytope(t.Context(), "limits", p)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	const want = "\nredundant rows: G (A + B <= 1.5), G (-A - B <= -0.25), H (-B - C <= 0), loose\n"
	if err := c.Write(&b); err != nil || !strings.Contains(b.String(), want) {
		t.Errorf("%v, want%sin\n%s", err, want, b.String())
	}
}

// A long row loses its middle, and keeps its limit.
func TestShortened(t *testing.T) {
	long := strings.Repeat("0.5*entity + ", 200) + "last <= 0.25"
	got := shortened(long)
	if len(got) > 1100 || !strings.HasPrefix(long, strings.TrimSuffix(got, " ... <= 0.25")) || !strings.HasSuffix(got, " ... <= 0.25") {
		t.Errorf("%q", got)
	}
	if short := "a + b <= 1"; shortened(short) != short {
		t.Errorf("%q", shortened(short))
	}
}
