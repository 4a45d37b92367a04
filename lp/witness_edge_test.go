package lp_test

import (
	"path/filepath"
	"testing"

	"paspo/lp"
	"paspo/lp/constraints"
)

// Here CLP finds a point for no cost, and for some costs none, on limits that are
// relaxed but for rows with coefficients of 4e6.
func TestVerdictAtTheEdgeOfEmpty(t *testing.T) {
	p, err := constraints.ReadFile(filepath.Join("testdata", "edge-of-empty.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	lp.CheckVerdict(t, p)
}
