package lp_test

import (
	"errors"
	"path/filepath"
	"testing"

	"paspo/lp"
	"paspo/lp/constraints"
)

// Here CLP finds a point for no cost, and for some costs none, on limits that are
// relaxed but for rows with coefficients of 4e6. In rational arithmetic they exclude one
// another.
func TestVerdictAtTheEdgeOfEmpty(t *testing.T) {
	_, err := constraints.ReadFile(filepath.Join("testdata", "edge-of-empty.yaml"))
	var empty *lp.EmptyError
	if !errors.As(err, &empty) || len(empty.Conflict) == 0 {
		t.Error(err)
	}
}
