package relay

import (
	"errors"
	"testing"
)

// Where the next method fails to start, get returns the error of that.
func TestNoSuccessor(t *testing.T) {
	broken := errors.New("broken")
	behind := NewSuccessor(func() (Solver, error) { return nil, broken })
	if s, err := behind.get(); s != nil || err != broken || behind.Started() != nil || behind.Close() != nil {
		t.Errorf("%v, %v", s, err)
	}
}
