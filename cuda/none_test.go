//go:build !gpu

package cuda

import (
	"errors"
	"testing"
)

func TestNotBuilt(t *testing.T) {
	_, devices := Devices()
	_, open := Open(0)
	_, version := DriverVersion()
	for name, err := range map[string]error{"Devices": devices, "Open": open, "DriverVersion": version} {
		if !errors.Is(err, ErrNotBuilt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
