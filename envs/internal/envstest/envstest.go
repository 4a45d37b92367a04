package envstest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
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

// Check plays uniform allocations, their mean and equal shares over episodes of at most maxSteps
// steps, holds their mean returns to the reference's, and calls look, unless it is nil, with what
// they came to. Means may differ by 4 standard errors of their difference, and by what rounding to
// single precision does to the reference.
func (ref *FixedPolicies) Check(t *testing.T, p envs.Problem, episodes, maxSteps int, look func(policy string, out *envs.Outcome)) {
	t.Helper()
	polytope := p.Spec().Polytope
	uniform, err := envs.Uniform(polytope, 3)
	if err != nil {
		t.Fatal(err)
	}
	n := polytope.Dim()
	for name, a := range map[string]envs.Allocator{
		"uniform_in_polytope": uniform,
		"mean_of_uniform":     envs.Constant(ref.MeanAction),
		"equal_1_over_n":      envs.Constant(slices.Repeat([]float64{1 / float64(n)}, n)),
	} {
		out, err := envs.Play(p, a, episodes, maxSteps, 5)
		if err != nil {
			t.Fatal(err)
		}
		want := ref.Policies[name]
		m, s := envs.MeanAndError(out.Returns)
		if d := math.Abs(m - want.Mean); !(d <= 4*math.Hypot(s, want.SE)+5e-6) {
			t.Errorf("%s: mean return %.5f +- %.5f, reference %.5f +- %.5f", name, m, s, want.Mean, want.SE)
		}
		if look != nil {
			look(name, out)
		}
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
