//go:build !gpu

package gpu

import (
	"errors"
	"testing"

	"paspo/cuda"
	"paspo/policy"
)

func TestNotBuilt(t *testing.T) {
	_, one := New(nil, nil, 3, 4, policy.Config{}, nil, 1)
	_, many := NewAll(nil, []Spec{{}})
	for name, err := range map[string]error{"New": one, "NewAll": many} {
		if !errors.Is(err, cuda.ErrNotBuilt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
