//go:build !gpu

package policy

import (
	"errors"
	"testing"

	"paspo/cuda"
)

func TestNotBuilt(t *testing.T) {
	_, one := NewGPU(nil, nil, 3, 4, Config{}, nil, 1)
	_, many := NewGPUs(nil, []GPUSpec{{}})
	for name, err := range map[string]error{"NewGPU": one, "NewGPUs": many} {
		if !errors.Is(err, cuda.ErrNotBuilt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
