// Package long marks tests that take long.
package long

import "testing"

// Test leaves a test to runs without -short. Under the race detector, which makes arithmetic
// five to twenty times slower, all tests run with -short: a test may be marked where its
// work is one goroutine's, or is done side by side in tests that are not marked.
func Test(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED with -short")
	}
}
