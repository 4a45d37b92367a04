package check

import (
	"strings"
	"testing"
)

// A long row loses its middle, and keeps its limit.
func TestShortened(t *testing.T) {
	long := strings.Repeat("0.5*entity + ", 200) + "last <= 0.25"
	got := shortened(long)
	if len(got) > 1100 || !strings.HasPrefix(long, strings.TrimSuffix(got, " ... <= 0.25")) || !strings.HasSuffix(got, " ... <= 0.25") {
		t.Errorf("%q", got)
	}
	if short := "a + b <= 1"; shortened(short) != short {
		t.Errorf("%q", shortened(short))
	}
}
