//go:build gpu

package cuda

import "testing"

// OpenTest opens the device of tests; a test outside this package, which cudatest
// imports, sets it.
var OpenTest func(testing.TB) *Context

func openTest(t testing.TB) *Context {
	t.Helper()
	return OpenTest(t)
}
