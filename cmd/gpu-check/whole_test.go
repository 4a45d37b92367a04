//go:build gpu

package main

import (
	"context"
	"strings"
	"testing"

	"paspo/internal/cudatest"
)

func TestGPUSweep(t *testing.T) {
	cudatest.Select(t)
	o := options{steps: 150_000, small: true}
	var b strings.Builder
	if err := o.whole(context.Background(), &b); err != nil || !strings.HasPrefix(b.String(), "4 trainings of ") {
		t.Errorf("%v\n%s", err, &b)
	}
}
