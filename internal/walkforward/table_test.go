package walkforward

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

// What rounds to nothing has no sign, in a table as elsewhere.
func TestRounded(t *testing.T) {
	for _, x := range []float64{-1e-17, -4e-5, 0, 4e-5} {
		if y := Rounded(x, 1e-4); y != 0 || math.Signbit(y) {
			t.Errorf("%g is rounded to %g", x, y)
		}
	}
	if y := Rounded(-0.00016, 1e-4); y != -2e-4 {
		t.Errorf("-0.00016 is rounded to %g", y)
	}
	if !math.IsNaN(Rounded(math.NaN(), 0.1)) || !math.IsInf(Rounded(math.Inf(-1), 0.1), -1) {
		t.Error("what is no number is rounded to one")
	}
	var b bytes.Buffer
	row := Row{Policy: "cash", CVaR: -1e-6}
	row.Growth.Low, row.Excess.High = -1e-6, -1e-6
	if err := writeRows(&b, []Row{row}); err != nil || strings.Contains(b.String(), "-0") {
		t.Errorf("%v\n%s", err, b.String())
	}
}
