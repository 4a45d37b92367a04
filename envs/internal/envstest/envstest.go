package envstest

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"paspo/envs"
)

// Reference decodes the reference values of the package that is tested.
func Reference(t testing.TB, v any) {
	t.Helper()
	data, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

// Published returns the folder of the files published with the paper. They state
// no licence, so that a clone has none of them: it then says so and returns false.
func Published(t testing.TB) (dir string, ok bool) {
	t.Helper()
	dir = "../../../shared/data"
	if _, err := os.Stat(dir); err != nil {
		t.Logf("the published files themselves are absent, and not checked: %v", err)
		return "", false
	}
	return dir, true
}

// WriteJSON writes a file in a temporary folder and returns its path.
func WriteJSON(t testing.TB, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// FixedPolicies are the returns of fixed policies in the reference.
type FixedPolicies struct {
	MeanAction []float64 `json:"mean_action"`
	Policies   map[string]struct {
		Mean, SE   float64
		MeanLength float64 `json:"mean_length"`
	}
}

// Within4 compares a mean with the reference's: 4 standard errors of their
// difference.
func Within4(t *testing.T, policy string, returns []float64, mean, se float64) {
	t.Helper()
	m, s := envs.MeanAndError(returns)
	if d := math.Abs(m - mean); !(d <= 4*math.Hypot(s, se)+1e-6) {
		t.Errorf("%s: mean return %.5f +- %.5f, reference %.5f +- %.5f", policy, m, s, mean, se)
	}
}

// MaxDifference returns the largest difference of two vectors, relative where it is
// above 1, and infinity where their lengths differ.
func MaxDifference(a, b []float64) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	var d float64
	for i := range a {
		d = max(d, math.Abs(a[i]-b[i])/max(1, math.Abs(b[i])))
	}
	return d
}
