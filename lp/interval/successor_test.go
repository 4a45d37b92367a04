package interval

import (
	"errors"
	"testing"

	"paspo/lp"
)

// A successor that cannot be had is none, and its error is told again.
func TestNoSuccessor(t *testing.T) {
	broken := errors.New("broken")
	behind := newSuccessor(func() (lp.Solver, error) { return nil, broken })
	if s, err := behind.get(); s != nil || err != broken || behind.started() != nil || behind.close() != nil {
		t.Errorf("%v, %v", s, err)
	}
}
