package envstest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"paspo/envs"
)

// Published checks that the data that are built in are those, with this SHA-256, that were
// compared with the files published with the paper, and has compare do it again where there
// is a folder of these. They state no licence, so that a clone has none.
func Published(t *testing.T, builtIn []byte, sum string, compare func(t *testing.T, dir string)) {
	t.Helper()
	if got := fmt.Sprintf("%x", sha256.Sum256(builtIn)); got != sum {
		t.Errorf("data.json has sha256 %s, what was compared with the published files %s: compare it again", got, sum)
	}
	t.Run("published", func(t *testing.T) {
		const dir = "../../../shared/data"
		if _, err := os.Stat(dir); err != nil {
			t.Skipf("SKIPPED: the published files are not here: %v", err)
		}
		compare(t, dir)
	})
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
