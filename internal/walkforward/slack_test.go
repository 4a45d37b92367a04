package walkforward

import (
	"slices"
	"strings"
	"testing"

	"paspo/lp/constraints"
)

// A row that is one of several of a constraint says which one it is, in words that are short.
func TestNamesOfSlacks(t *testing.T) {
	p, err := constraints.Parse("limits.yaml", []byte(`
entities: [CASH, MSFT, AAPL]
constraints:
  - {name: near, expr: "abs(MSFT - 0.1) <= 0.08"}
  - {name: even, expr: "abs(MSFT - AAPL) <= 0.25"}
  - {name: tech (old), expr: "MSFT + AAPL <= 0.4"}
  - {name: a constraint that has a name of more than sixty letters in all, expr: "min(MSFT, AAPL) >= 0.01"}
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range Slacks(p, []float64{0.8, 0.1, 0.1}, nil) {
		got = append(got, s.Name)
	}
	long := "a constraint that has a name of more than sixty letters in all"
	want := []string{
		"near: MSFT <= 0.18", "near: MSFT >= 0.02", "even: MSFT - AAPL <= 0.25", "even: -MSFT + AAPL <= 0.25",
		"tech (old)", long + " (1)", long + " (2)",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
}
