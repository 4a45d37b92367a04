package cuda

import (
	"errors"
	"fmt"
	"testing"
)

func TestErrorText(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
		lost bool
	}{
		{&Error{Call: "cuA", Code: 1, Name: "CUDA_ERROR_X", Meaning: "it is so"}, "cuA: error 1 CUDA_ERROR_X: it is so", false},
		{&Error{Call: "cuA", Code: 700}, "cuA: error 700", true},
		{fmt.Errorf("more: %w", &Error{Call: "cuA", Code: 719, Name: "N"}), "more: cuA: error 719 N", true},
		{&Error{Call: "cuA", Code: 2}, "cuA: error 2", false},
		{&Error{Call: "cuA", Code: 999}, "cuA: error 999", true},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("%q instead of %q", got, c.want)
		}
		if errors.Is(c.err, ErrLost) != c.lost {
			t.Errorf("%v: lost is not %v", c.err, c.lost)
		}
	}
}

func TestOutOfMemoryText(t *testing.T) {
	e := &OutOfMemoryError{Need: 20 << 30, Free: 5 << 29, Total: 16 << 30, Device: "card"}
	if got, want := e.Error(), "cuda: 20.0 GiB of device memory needed, 2560.0 MiB of 16.0 GiB free on card: 17.5 GiB missing"; got != want {
		t.Errorf("%q instead of %q", got, want)
	}
	e = &OutOfMemoryError{Need: 100, Free: 10 << 10, Total: 11 << 10, Device: "card"}
	if got, want := e.Error(), "cuda: 100 B of device memory needed, 10.0 KiB of 11.0 KiB free on card: not in one piece"; got != want {
		t.Errorf("%q instead of %q", got, want)
	}
}

func TestAligned(t *testing.T) {
	for n, want := range map[int64]int64{0: 0, 1: 256, 256: 256, 257: 512} {
		if got := Aligned(n); got != want {
			t.Errorf("Aligned(%d) = %d", n, got)
		}
	}
}
