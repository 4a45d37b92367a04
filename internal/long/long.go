package long

import "testing"

// Test skips a test under -short. Under the race detector, which makes arithmetic five to twenty
// times slower, all tests run with -short: a test may be marked where one goroutine does its work,
// or where tests that are not marked do the same work side by side.
func Test(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED with -short")
	}
}
