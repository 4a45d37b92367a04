// Package reference has values that were computed with the code that the paper
// published (arXiv 2409.18735) and with exact solvers of others: scipy's HiGHS and
// hmmlearn. Tests hold this project to them.
//
//   - polytope_*: A, b and n of the paper's three settings, A a <= b beside a >= 0 and
//     sum a = 1, and the share of the simplex that is feasible.
//   - bounds_*: 200 sequences of actions; bounds_tight[i] is the interval of entity i
//     after actions[:i] to a tolerance of 1e-10.
//   - uniform_fit_*: the Beta distributions fitted to each normalised coordinate of
//     100 000 uniform points.
package reference

import (
	"embed"
	"encoding/json"
	"testing"
)

//go:embed *.json
var files embed.FS

// Read decodes a file into v.
func Read(t testing.TB, name string, v any) {
	t.Helper()
	data, err := files.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}
