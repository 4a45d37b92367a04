package race

import "testing"

// Skip leaves a long test of one goroutine's arithmetic to a run without the detector,
// which has nothing to find in it.
func Skip(t testing.TB) {
	t.Helper()
	if Enabled {
		t.Skip("one goroutine's arithmetic: checked without -race")
	}
}
